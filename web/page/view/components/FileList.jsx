/** The files of a folder that came, each to be saved by itself. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { saveFile } from '../files.js';

const SHOWN_MAX = 200;

export function FileList({ n, count }) {
  const [list, setList] = useState(null);
  const onToggle = async ({ currentTarget }) => {
    if (currentTarget.open)
      setList((await call('filesOf', { n })).filter(({ state }) => state === 'saved').slice(0, SHOWN_MAX));
  };
  return (
    <details class="file-list" onToggle={onToggle}>
      <summary>{s.files.count(count)}</summary>
      {list && (
        <ul>
          {list.map(({ id, path, size }) => (
            <li key={id}>
              <button type="button" class="link" onClick={() => saveFile(n, id)} aria-label={s.files.saveOf(path)}>
                <bdi>{path}</bdi>
              </button>
              <span class="fine"> {s.files.size(size)}</span>
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
