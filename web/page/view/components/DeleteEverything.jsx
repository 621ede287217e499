/** Deletes all that Pairlink keeps in this browser, after a clear question. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { go } from '../store.js';

export function DeleteEverything() {
  const [sure, setSure] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [failed, setFailed] = useState(false);
  const remove = () => {
    setDeleting(true);
    setFailed(false);
    call('deleteEverything').catch(() => {
      setDeleting(false);
      setFailed(true);
    });
  };
  return (
    <section class="parting">
      {sure ? (
        <div class="sure" role="group" aria-label={s.storage.deleteAll}>
          <p>{s.storage.deleteSure}</p>
          <p role="status" class="note-bad">
            {failed && s.storage.deleteFailed}
          </p>
          <div class="buttons">
            <button type="button" class="button button-danger" disabled={deleting} onClick={remove}>
              {deleting ? s.storage.deleting : s.storage.deleteYes}
            </button>
            <button type="button" class="button" disabled={deleting} onClick={() => go({ screen: 'identity' })}>
              {s.storage.saveFirst}
            </button>
            <button type="button" class="button" autofocus disabled={deleting} onClick={() => setSure(false)}>
              {s.cancel}
            </button>
          </div>
        </div>
      ) : (
        <button type="button" class="button button-quiet-danger" onClick={() => setSure(true)}>
          {s.storage.deleteAll}
        </button>
      )}
    </section>
  );
}
