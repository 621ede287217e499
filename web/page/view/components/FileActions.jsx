/** What can be done with files now: buttons at the end of their line, and the answer to an offer below it. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { titleOf } from '../file-words.js';
import { saveMessage } from '../files.js';
import { Icon } from './Icon.jsx';

/** @typedef {import('../../engine/types.js').FileMessage} FileMessage */
/** @typedef {import('../../engine/types.js').FileProgress} FileProgress */

/** @param {{message: FileMessage, live: FileProgress}} props */
export function FileActions({ message, live }) {
  const { n, contact, mine, state, file } = message;
  const title = titleOf(file);
  /** @param {'cancelFile' | 'pauseFile' | 'resumeFile' | 'retryFile'} cmd */
  const ask = (cmd) => () => call(cmd, { contact, n });
  if (state === 'saved' && !mine)
    return (
      <Act
        icon="save"
        label={file.group ? s.files.saveAllOf(title) : s.files.saveOf(title)}
        act={() => saveMessage(message)}
      />
    );
  if (state !== 'open') return null;
  const paused = live.heldHere === 'person' && !live.missing;
  const full = live.heldHere === 'full';
  return (
    <>
      {full && <Act icon="again" label={s.files.tryAgainOf(title)} act={ask('retryFile')} />}
      {!live.missing && !full && (live.accepted || paused) && (
        <Act
          icon={paused ? 'play' : 'pause'}
          label={paused ? s.files.resumeOf(title) : s.files.pauseOf(title)}
          act={ask(paused ? 'resumeFile' : 'pauseFile')}
        />
      )}
      <Act icon="close" label={s.files.cancelOf(title)} act={ask('cancelFile')} />
    </>
  );
}

/** @param {{icon: import('./Icon.jsx').IconName, label: string, act: () => unknown}} props */
const Act = ({ icon, label, act }) => (
  <button type="button" class="button button-icon" aria-label={label} title={label} onClick={act}>
    <Icon name={icon} />
  </button>
);

/** @param {{message: FileMessage}} props */
export function FileAnswer({ message: { n, contact, file } }) {
  const title = titleOf(file);
  return (
    <div class="buttons">
      <button
        type="button"
        class="button button-small button-main"
        aria-label={s.files.acceptOf(title)}
        onClick={() => call('acceptFile', { contact, n })}
      >
        {s.files.accept}
      </button>
      <button
        type="button"
        class="button button-small"
        aria-label={s.files.declineOf(title)}
        onClick={() => call('declineFile', { contact, n })}
      >
        {s.files.decline}
      </button>
    </div>
  );
}
