/**
 * Files in the thread, as one line: an icon, the name, the size and the state, and what can be done now. A picture is
 * above it. The rest of what can be done is in the menu of the message.
 *
 * Screen readers say each change of its state once, and do not read the moving numbers.
 */
import { useEffect, useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, say } from '../actions.js';
import { iconOf, stateIcon, stateWords, titleOf } from '../file-words.js';
import { useStore } from '../store.js';
import { ChooseAgain } from './ChooseAgain.jsx';
import { FileActions, FileAnswer } from './FileActions.jsx';
import { FileBar } from './FileBar.jsx';
import { FileList } from './FileList.jsx';
import { Icon } from './Icon.jsx';
import { MoreActions } from './MoreActions.jsx';
import { Pictures } from './Picture.jsx';

/** @typedef {import('../../engine/types.js').FileMessage} FileMessage */
/** @typedef {import('../../engine/types.js').FileProgress} FileProgress */

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
  contact: '',
  asking: false,
  count: 0,
  folder: false,
};

/** @param {import('../file-words.js').Person & {message: FileMessage, first: boolean}} props */
export function FileCard({ message, name, peer, first }) {
  const live = useStore(({ files }) => files[message.n]) ?? nothing;
  const { file, mine, state, at } = message;
  const isOpen = state === 'open' || state === 'asking';
  const title = titleOf(file);
  const words = stateWords(message, live, { name, peer });
  const icon = stateIcon(message, live);
  useSaid(words, title);
  useWantedThumb(message);
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
      <article class="file" aria-label={title} aria-live="off">
        <Pictures message={message} />
        <div class="file-line">
          <Icon name={iconOf(file)} />
          <div class="file-what">
            <p class="file-name">
              <bdi dir={title === file.name ? 'auto' : s.direction}>{title}</bdi>
            </p>
            <p class="fine">
              {(file.size > 0 || !file.group) && (
                <>
                  <span class="file-size">{s.files.size(file.size)}</span>
                  {' · '}
                </>
              )}
              {icon && <Icon name={icon} />}
              <span class="file-state">{words}</span>
            </p>
          </div>
          <FileActions message={message} live={live} />
        </div>
        {state === 'open' && live.accepted && <FileBar live={live} name={title} />}
        {state === 'open' && live.missing && <ChooseAgain message={message} />}
        {state === 'asking' && <FileAnswer message={message} />}
        {file.group && state !== 'removed' && (
          <FileList message={message} saved={isOpen ? live.saved : message.saved} />
        )}
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

/** Asks for the thumbnail of a picture that came before there were any. @param {FileMessage} message */
function useWantedThumb({ n, state, file, pictures }) {
  const wanted = state === 'saved' && !file.group && file.type.startsWith('image/') && !pictures;
  useEffect(() => {
    if (wanted) void call('wantThumb', { n });
  }, [n, wanted]);
}
