/** Opens a copy of an identity, which replaces the present one after a clear question. */
import { useEffect, useId, useState } from 'preact/hooks';
import { s, wordsFor } from '../../strings/index.js';
import { call } from '../actions.js';
import { PassphraseField } from './PassphraseField.jsx';

/** @typedef {{id: string, name: string, contacts: number, same: boolean}} Opened */

const FILE_BYTES_MAX = 8 * 1024 * 1024;

export function BackupLoad() {
  const id = useId();
  const [text, setText] = useState('');
  const [passphrase, setPassphrase] = useState('');
  const [problem, setProblem] = useState('');
  const [opening, setOpening] = useState(false);
  const [found, setFound] = useState(/** @type {Opened | null} */ (null));
  useEffect(() => () => void call('forgetBackup'), []);

  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const take = async ({ currentTarget }) => {
    const [file] = currentTarget.files ?? [];
    const fits = !file || file.size <= FILE_BYTES_MAX;
    setProblem(fits ? '' : 'form');
    if (file) setText(fits ? await file.text() : '');
  };
  /** @param {Event} event */
  const open = async (event) => {
    event.preventDefault();
    setOpening(true);
    const answer = await call('openBackup', { text, passphrase });
    setOpening(false);
    if (answer.problem !== undefined) return setProblem(answer.problem);
    setProblem('');
    setFound(answer);
  };
  if (found) return <Sure found={found} cancel={() => setFound(null)} />;
  const ofText = problem === 'form' || problem === 'version';
  return (
    <section class="way" aria-labelledby="backup-load">
      <h2 id="backup-load">{s.backup.loadTitle}</h2>
      <form class="backup" onSubmit={open} noValidate>
        <div>
          <label for={`${id}-file`}>{s.backup.file}</label>
          <input id={`${id}-file`} class="field field-file" type="file" accept=".txt,text/plain" onChange={take} />
        </div>
        <div>
          <label for={`${id}-text`}>{s.backup.text}</label>
          <textarea
            id={`${id}-text`}
            class="field field-code"
            rows={3}
            dir="ltr"
            spellcheck={false}
            value={text}
            aria-invalid={ofText}
            aria-describedby={`${id}-note`}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <p id={`${id}-note`} class={`note ${ofText ? 'note-bad' : ''}`} role="status">
            {ofText && wordsFor(s.backup.problem, problem)}
          </p>
        </div>
        <PassphraseField
          label={s.backup.passphrase}
          value={passphrase}
          change={setPassphrase}
          autocomplete="current-password"
          problem={problem === 'wrong' ? s.backup.problem.wrong : ''}
        />
        <button type="submit" class="button button-wide" disabled={opening || !text.trim()}>
          {opening ? s.backup.opening : s.backup.open}
        </button>
      </form>
    </section>
  );
}

/** @param {{found: Opened, cancel: () => void}} props */
function Sure({ found, cancel }) {
  const { id, name, contacts, same } = found;
  return (
    <section class="way" aria-labelledby="backup-sure">
      <h2 id="backup-sure">{s.backup.loadTitle}</h2>
      <div class={`sure ${same ? 'sure-harmless' : ''}`} role="alert">
        <p>{same ? s.backup.same : s.backup.sure(name || s.backup.nameless(id.slice(-4)), contacts)}</p>
        {!same && <p>{s.backup.oneDevice}</p>}
        <div class="buttons">
          <button
            type="button"
            class={`button ${same ? 'button-main' : 'button-danger'}`}
            onClick={() => call('useBackup')}
          >
            {same ? s.backup.add : s.backup.replace}
          </button>
          <button type="button" class="button" autofocus onClick={cancel}>
            {s.cancel}
          </button>
        </div>
      </div>
    </section>
  );
}
