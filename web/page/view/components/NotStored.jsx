/** Under a text that could not be stored: that it is not sent, and what can be done. */
import { s } from '../../strings/index.js';
import { postAgain, removeUnstored, unsentWords } from '../outbox.js';
import { useStore } from '../store.js';

/** @param {{id: string}} props of the message */
export function NotStored({ id }) {
  const words = useStore(({ outbox }) => unsentWords(outbox.find((one) => one.id === id) ?? {}));
  return (
    <div class="not-stored" data-then=".composer textarea">
      <p class="note-bad">{words}</p>
      <div class="buttons">
        <button type="button" class="button button-small" onClick={() => postAgain(id)}>
          {s.message.tryAgain}
        </button>
        <button type="button" class="button button-small" onClick={() => removeUnstored(id)}>
          {s.files.remove}
        </button>
      </div>
    </div>
  );
}
