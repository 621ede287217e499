/** Makes a copy of the identity, locked with a passphrase, to save as a file or copy as text. */
import { useState } from 'preact/hooks';
import { PASSPHRASE_MIN_CHARS } from '../../engine/backup.js';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { download } from '../files.js';
import { CopyButton } from './CopyButton.jsx';
import { PassphraseField } from './PassphraseField.jsx';

export function BackupSave() {
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const [problem, setProblem] = useState('');
  const [making, setMaking] = useState(false);
  const [text, setText] = useState('');

  /** @param {Event} event */
  const make = async (event) => {
    event.preventDefault();
    const wrong = first.length < PASSPHRASE_MIN_CHARS ? 'short' : first === second ? '' : 'unequal';
    setProblem(wrong);
    if (wrong) return;
    setMaking(true);
    const made = await call('makeBackup', { passphrase: first });
    setMaking(false);
    if (made.problem !== undefined) return setProblem(made.problem);
    setText(made.text);
    setFirst('');
    setSecond('');
  };
  return (
    <section class="way" aria-labelledby="backup-save">
      <h2 id="backup-save">{s.backup.saveTitle}</h2>
      {text ? (
        <>
          <p role="status">
            {s.backup.ready} {s.backup.oneDevice}
          </p>
          <div class="buttons">
            <button
              type="button"
              class="button button-main"
              autofocus
              onClick={() => download(new Blob([text], { type: 'text/plain' }), s.backup.fileName)}
            >
              {s.backup.download}
            </button>
            <CopyButton text={text} label={s.backup.copyText} />
          </div>
        </>
      ) : (
        <form class="backup" onSubmit={make} noValidate>
          <PassphraseField
            label={s.backup.passphrase}
            value={first}
            change={setFirst}
            autocomplete="new-password"
            hint={s.backup.passphraseMore}
            problem={problem === 'short' ? s.backup.short : ''}
          />
          <PassphraseField
            label={s.backup.repeat}
            value={second}
            change={setSecond}
            autocomplete="new-password"
            problem={problem === 'unequal' ? s.backup.unequal : ''}
          />
          <button type="submit" class="button button-wide" disabled={making}>
            {making ? s.backup.making : s.backup.make}
          </button>
        </form>
      )}
    </section>
  );
}
