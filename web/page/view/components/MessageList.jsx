/** The messages of a thread, newest last. It stays scrolled to the end, unless the person scrolled up to read. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { loadEarlier } from '../actions.js';
import { useEngine, useStore } from '../store.js';
import { useNow } from '../use-now.js';
import { FileCard } from './FileCard.jsx';
import { Message as TextBubble } from './Message.jsx';

/** @typedef {import('../../engine/types.js').Message} Message */
/** @typedef {import('../../engine/types.js').ShownContact} ShownContact */

const GROUP_MS = 3 * 60_000;
const PAGE = 200;
/** @type {Message[]} */
const none = [];

/** @param {{contact: ShownContact, name: string}} props */
export function MessageList({ contact, name }) {
  const list = useStore(({ messages }) => messages[contact.id]);
  const loaded = list !== undefined;
  const messages = list ?? none;
  const online = useEngine((engine) => engine.server.state === 'online');
  const [complete, setComplete] = useState(false);
  const now = useNow(60_000);
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const atEnd = useRef(true);
  const [live, setLive] = useState(false); // messages from before are not read aloud
  useEffect(() => setLive(loaded), [loaded]);

  const toEnd = () => {
    const box = scroller.current;
    if (box && atEnd.current) box.scrollTop = box.scrollHeight;
  };
  useLayoutEffect(toEnd, [messages]);
  useEffect(() => {
    const watcher = new ResizeObserver(toEnd);
    if (scroller.current) watcher.observe(scroller.current);
    return () => watcher.disconnect();
  }, []);
  /** @param {import('preact').TargetedEvent<HTMLDivElement>} event */
  const onScroll = ({ currentTarget: box }) => {
    atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
  };
  const earlier = async () => {
    const box = scroller.current;
    if (!box) return;
    const fromEnd = box.scrollHeight - box.scrollTop;
    atEnd.current = false;
    if ((await loadEarlier(contact.id)) < PAGE) setComplete(true);
    requestAnimationFrame(() => (box.scrollTop = box.scrollHeight - fromEnd));
  };

  return (
    <div
      class="scroller"
      ref={scroller}
      onScroll={onScroll}
      tabIndex={0}
      role="log"
      aria-live={live ? 'polite' : 'off'}
      aria-label={s.thread.log(name)}
    >
      {messages.length >= PAGE && !complete && (
        <button type="button" class="button button-small earlier" onClick={earlier}>
          {s.thread.earlier}
        </button>
      )}
      {messages.length === 0 && !contact.doubt && <p class="empty">{emptyWords(contact, name)}</p>}
      <ol class="messages">
        {messages.flatMap((message, index) => {
          const before = messages[index - 1];
          const after = messages[index + 1];
          const day = s.day(message.at, now);
          const newDay = !before || s.day(before.at, now) !== day;
          const props = {
            name,
            here: contact.presence === 'here',
            online,
            held: Boolean(contact.doubt),
            first: newDay || !together(before, message),
            last: !after || !together(message, after) || s.day(after.at, now) !== day,
          };
          const item =
            message.kind === 'file' ? (
              <FileCard key={message.n} message={message} {...props} />
            ) : (
              <TextBubble key={message.n} message={message} {...props} />
            );
          return newDay
            ? [
                <li key={day} class="day">
                  {day}
                </li>,
                item,
              ]
            : [item];
        })}
      </ol>
    </div>
  );
}

/**
 * Returns true for messages that form a group with one time: of the same side and state, and soon after each other.
 * @param {Message} a @param {Message} b
 */
const together = (a, b) =>
  a.kind !== 'file' && b.kind !== 'file' && a.mine === b.mine && b.at - a.at < GROUP_MS && a.state === b.state;

/** @param {ShownContact} contact @param {string} name */
function emptyWords({ presence, how, pairedAt, problem }, name) {
  if (problem) return s.thread.refused;
  if (pairedAt) return presence === 'here' ? s.thread.empty(name) : s.thread.emptyAway(name);
  return how === 'asked' ? s.thread.emptyAsked : s.thread.emptyInvited;
}
