/** The files of a folder, or those that were sent together; each received one can be saved by itself. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { saveFile } from '../files.js';

const SHOWN_MAX = 200;

/** @typedef {import('../../engine/types.js').FileMessage} FileMessage */

/** @param {{message: FileMessage, saved?: number}} props saved: how many files were saved so far */
export function FileList({ message: { n, file, mine, state }, saved }) {
  const [open, setOpen] = useState(false);
  const [list, setList] = useState(/** @type {import('../../engine/types.js').Answer<'filesOf'>} */ ([]));
  useEffect(() => {
    if (open) void call('filesOf', { n }).then(setList);
  }, [n, open, saved, state]);
  const shown = list.slice(0, SHOWN_MAX);
  const rest = Math.max(list.length, file.count) - shown.length;
  return (
    <details class="file-list" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{s.files.count(file.count)}</summary>
      {open && list.length > 0 && (
        <ul>
          {shown.map(({ id, path, size, folder, state: its }) => (
            <li key={id}>
              {its === 'saved' && !mine && !folder ? (
                <button type="button" class="link" onClick={() => saveFile(n, id)} aria-label={s.files.saveOf(path)}>
                  <bdi>{path}</bdi>
                </button>
              ) : (
                <bdi>{path}</bdi>
              )}
              {!folder && <span class="fine"> {s.files.size(size)}</span>}
            </li>
          ))}
          {rest > 0 && <li class="fine">{s.files.rest(rest)}</li>}
        </ul>
      )}
    </details>
  );
}
