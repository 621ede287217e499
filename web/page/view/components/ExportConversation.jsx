/** Saves a conversation as a file, for people or for programs. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { nameOf, say } from '../actions.js';
import { download } from '../files.js';
import { focusSearch } from '../search.js';

/** @param {{contact: import('../../engine/types.js').ShownContact}} props */
export function ExportConversation({ contact }) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  /** @param {'json' | 'html'} ending */
  const save = async (ending) => {
    setBusy(true);
    setFailed(false);
    try {
      const { exportHtml, exportJson, fileNameOf } = await import('../export.js');
      const blob = await (ending === 'html' ? exportHtml(contact) : exportJson(contact));
      download(blob, fileNameOf(nameOf(contact), ending));
      say(s.export.done);
    } catch {
      setFailed(true);
    }
    setBusy(false);
  };
  return (
    <section>
      <h2>{s.export.heading}</h2>
      <p class="fine">{s.export.more}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => focusSearch({ contact: contact.id })}>
          {s.search.inConversation}
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => save('html')}>
          {s.export.html}
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => save('json')}>
          {s.export.json}
        </button>
      </div>
      <p role="status" class="note-bad">
        {failed && s.export.failed}
      </p>
    </section>
  );
}
