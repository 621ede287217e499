/**
 * A file or a folder in the thread: what it is, a progress bar while its bytes move, and what can be done with it.
 * Screen readers say each change of its state once, and do not read the moving numbers.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s, wordsFor } from '../../strings/index.js';
import { call } from '../actions.js';
import { say } from '../spoken.js';
import { chosen, saveAll, saveFile } from '../files.js';
import { standstillWords } from '../presence.js';
import { useStore } from '../store.js';
import { forFolders } from './AttachButtons.jsx';
import { FileList } from './FileList.jsx';
import { Icon } from './Icon.jsx';
import { MoreActions } from './MoreActions.jsx';
import { Picture, isPicture } from './Picture.jsx';

/** @typedef {import('../../engine/types.js').FileMessage} FileMessage */
/** @typedef {import('../../engine/types.js').FileProgress} FileProgress */
/** @typedef {{name: string, peer: import('../presence.js').Peer}} Peer */

/** @type {FileProgress} */
const nothing = {
  size: 0,
  stored: 0,
  rate: null,
  left: null,
  still: null,
  accepted: false,
  heldHere: '',
  heldThere: '',
  missing: false,
  checking: false,
  saved: 0,
  passed: 0,
};

/** @param {Peer & {message: FileMessage, first: boolean}} props */
export function FileCard({ message, name, peer, first }) {
  const live = useStore(({ files }) => files[message.n]) ?? nothing;
  const { file, mine, state, at } = message;
  const isOpen = state === 'open' || state === 'asking';
  const words = stateWords(message, live, { name, peer });
  useSaid(words, file.name);
  const kept = state === 'saved' && !mine;
  return (
    <li
      class={`message ${mine ? 'mine' : 'theirs'} ${first ? 'first' : ''}`}
      data-state={state}
      data-id={message.id}
      data-n={message.n}
      data-kind="file"
      data-passed={isOpen ? live.passed : message.passed}
    >
      <span class="visually-hidden">{mine ? s.thread.said(s.you) : s.thread.said(name)}</span>
      <article class="file" aria-label={file.name} aria-live="off">
        <div class="file-head">
          <Icon name={file.folder ? 'folder' : file.group ? 'files' : 'file'} />
          <div class="file-what">
            <p class="file-name">
              <bdi>{file.name}</bdi>
            </p>
            <p class="fine">{about(file)}</p>
          </div>
        </div>
        {isPicture(file) && <Picture message={message} />}
        {state === 'open' && live.accepted && <Bar live={live} name={file.name} />}
        <p class="fine file-state">{words}</p>
        {isOpen && <Controls message={message} live={live} />}
        {kept && <Kept message={message} />}
      </article>
      <MoreActions />
      <p class="meta">
        <time dateTime={new Date(at).toISOString()} title={s.fullTime(at)}>
          {s.time(at)}
        </time>
      </p>
    </li>
  );
}

/** @param {FileMessage['file']} file */
function about({ size, count, group }) {
  const parts = group ? [s.files.count(count)] : [];
  if (size > 0 || !group) parts.push(s.files.size(size));
  return parts.join(' · ');
}

/**
 * Returns the present state in words; the bar has the numbers.
 * @param {FileMessage} message @param {FileProgress} live @param {Peer} peer
 */
function stateWords(message, live, { name, peer }) {
  const { state, mine } = message;
  if (state === 'asking') return s.files.wants(name);
  if (state === 'saved')
    return message.failed ? s.files.partly(message.failed) : mine ? s.files.delivered : s.files.saved;
  if (state === 'removed') return s.files.removed;
  if (state === 'over') return overWords(message, name);
  if (live.missing) return s.files.missing;
  if (live.heldHere === 'full') return s.files.full;
  if (live.heldThere === 'full') return s.files.fullThere(name);
  if (live.heldHere) return s.files.paused;
  const standstill = standstillWords(peer, name);
  if (standstill) return standstill;
  if (live.heldThere) return s.files.pausedBy(name);
  if (live.checking) return s.files.checking;
  if (mine && !live.accepted) return s.files.waiting(name);
  return mine ? s.files.sending : s.files.receiving;
}

/** @param {FileMessage} message @param {string} name */
function overWords({ why, byPeer }, name) {
  const words = wordsFor(s.files.ended, why) ?? s.files.ended[2];
  return byPeer ? words.them(name) : words.me;
}

/** @param {{live: FileProgress, name: string}} props */
function Bar({ live: { size, stored, rate, left, still }, name }) {
  const share = size ? Math.min(1, stored / size) : 0;
  const percent = Math.floor(share * 100);
  const numbers = [size === null ? s.files.size(stored) : s.files.progress(stored, size)];
  if (rate) numbers.push(s.files.rate(rate));
  if (rate && left !== null) numbers.push(s.files.left(left));
  if (still !== null) numbers.push(s.files.still(still));
  const known = size !== null && { 'aria-valuenow': percent };
  return (
    <div class="file-progress">
      <div
        class="bar-ground"
        role="progressbar"
        aria-label={s.files.progressOf(name)}
        aria-valuemin={0}
        aria-valuemax={100}
        {...known}
        aria-valuetext={numbers[0]}
      >
        <div class="bar-done" style={{ inlineSize: `${share * 100}%` }} />
      </div>
      <p class="fine file-numbers">{numbers.join(' · ')}</p>
    </div>
  );
}

/** @param {{message: FileMessage, live: FileProgress}} props */
function Controls({ message, live }) {
  const { n, contact, mine, state, file } = message;
  /** @param {'acceptFile' | 'declineFile' | 'cancelFile' | 'pauseFile' | 'resumeFile' | 'retryFile'} cmd */
  const ask = (cmd) => () => call(cmd, { contact, n });
  if (state === 'asking')
    return (
      <div class="buttons">
        <button type="button" class="button button-small button-main" onClick={ask('acceptFile')}>
          {s.files.accept}
        </button>
        <button type="button" class="button button-small" onClick={ask('declineFile')}>
          {s.files.decline}
        </button>
      </div>
    );
  const paused = live.heldHere === 'person' && !live.missing;
  return (
    <div class="buttons">
      {live.missing && <ChooseAgain message={message} />}
      {live.heldHere === 'full' && (
        <button type="button" class="button button-small" onClick={ask('retryFile')}>
          {s.files.tryAgain}
        </button>
      )}
      {!live.missing && (live.accepted || paused) && live.heldHere !== 'full' && (
        <button
          type="button"
          class="button button-small"
          onClick={ask(paused ? 'resumeFile' : 'pauseFile')}
          aria-label={paused ? s.files.resumeOf(file.name) : s.files.pauseOf(file.name)}
        >
          {paused ? s.files.resume : s.files.pause}
        </button>
      )}
      <button
        type="button"
        class="button button-small button-quiet-danger"
        onClick={ask('cancelFile')}
        aria-label={s.files.cancelOf(file.name)}
      >
        {mine || live.accepted || state === 'open' ? s.files.cancel : s.files.decline}
      </button>
    </div>
  );
}

/** Asks for a file again whose bytes were lost when all tabs were closed. @param {{message: FileMessage}} props */
function ChooseAgain({ message: { n, contact, file } }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [wrong, setWrong] = useState(false);
  /** @param {import('preact').TargetedEvent<HTMLInputElement>} event */
  const onChange = async ({ currentTarget }) => {
    setWrong(!(await call('chooseFileAgain', { contact, n, files: chosen(currentTarget.files) })));
  };
  return (
    <>
      <button type="button" class="button button-small button-main" onClick={() => input.current?.click()}>
        {file.folder ? s.files.chooseFolder : s.files.choose}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...(file.folder && forFolders)}
        aria-label={s.files.choose}
        onChange={onChange}
      />
      {wrong && (
        <p class="note note-bad" role="status">
          {s.files.wrong}
        </p>
      )}
    </>
  );
}

/** The buttons for a received file. @param {{message: FileMessage}} props */
function Kept({ message: { n, file, saved = 0 } }) {
  const [asking, setAsking] = useState(false);
  if (asking)
    return (
      <div class="file-kept">
        <p class="fine">{s.files.removeAsk}</p>
        <div class="buttons">
          <button type="button" class="button button-small button-danger" onClick={() => call('removeFile', { n })}>
            {s.files.remove}
          </button>
          <button type="button" class="button button-small" onClick={() => setAsking(false)}>
            {s.cancel}
          </button>
        </div>
      </div>
    );
  return (
    <div class="file-kept">
      {file.group && saved > 0 && <FileList n={n} count={saved} />}
      <div class="buttons">
        <button
          type="button"
          class="button button-small button-main"
          onClick={() => (file.group ? saveAll(n, file.name) : saveFile(n))}
        >
          {file.group ? s.files.saveAll : s.files.save}
        </button>
        <button type="button" class="button button-small button-quiet" onClick={() => setAsking(true)}>
          {s.files.remove}
        </button>
      </div>
    </div>
  );
}

/**
 * Lets a screen reader say changes of the state, but not the state in which the card appeared.
 * @param {string} words @param {string} name
 */
function useSaid(words, name) {
  const before = useRef(words);
  useEffect(() => {
    if (before.current !== words) say(`${name}: ${words}`);
    before.current = words;
  }, [words]);
}
