/** Offers a newer version of the page, which all tabs load at once when the person accepts. */
import { s } from '../../strings/index.js';
import { takeUpdate } from '../offline.js';
import { useStore } from '../store.js';

export function UpdateLine() {
  const update = useStore(({ update }) => update);
  return (
    <div role="status">
      {update && (
        <div class="banner">
          <p>{s.update.text}</p>
          <button type="button" class="button button-small" onClick={takeUpdate}>
            {s.update.action}
          </button>
        </div>
      )}
    </div>
  );
}
