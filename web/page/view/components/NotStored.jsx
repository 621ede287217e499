/** Under a text that could not be stored: that it is not sent, and what can be done. */
import { s } from '../../strings/index.js';
import { postAgain, removeUnstored } from '../outbox.js';

/** @param {{id: string}} props of the message */
export const NotStored = ({ id }) => (
  <div class="not-stored" data-then=".composer textarea">
    <p class="note-bad">{s.message.notStored}</p>
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
