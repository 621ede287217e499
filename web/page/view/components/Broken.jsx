/** When the engine cannot start: what a person can do about it. */
import { s } from '../../strings/index.js';

const storage = new Set([
  'InvalidStateError',
  'SecurityError',
  'QuotaExceededError',
  'UnknownError',
  'NotAllowedError',
]);

export function Broken({ why }) {
  return (
    <main class="page" role="alert">
      <h1>{s.broken.title}</h1>
      <p>{storage.has(why.code) ? s.broken.storage : s.broken.other}</p>
      {why.text && <p class="fine">{why.text}</p>}
      <button type="button" class="button button-main" onClick={() => location.reload()}>
        {s.broken.reload}
      </button>
    </main>
  );
}
