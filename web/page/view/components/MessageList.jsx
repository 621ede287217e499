/** What was said, newest at the end. Stays at the end while the person is there, and where they are while they read. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { loadEarlier } from '../actions.js';
import { useStore } from '../store.js';
import { useNow } from '../use-now.js';
import { FileCard } from './FileCard.jsx';
import { Message } from './Message.jsx';

const GROUP_MS = 3 * 60_000;
const PAGE = 200;
const none = [];

export function MessageList({ contact, name }) {
  const messages = useStore(({ messages }) => messages[contact.id]) ?? none;
  const loaded = useStore(({ messages }) => messages[contact.id] !== undefined);
  const online = useStore(({ engine }) => engine.server.state === 'online');
  const [complete, setComplete] = useState(false);
  const now = useNow(60_000);
  const scroller = useRef(null);
  const atEnd = useRef(true);
  const [live, setLive] = useState(false); // what was there before is not read aloud
  useEffect(() => setLive(loaded), [loaded]);

  const toEnd = () => {
    const box = scroller.current;
    if (box && atEnd.current) box.scrollTop = box.scrollHeight;
  };
  useLayoutEffect(toEnd, [messages]);
  useEffect(() => {
    const watcher = new ResizeObserver(toEnd);
    watcher.observe(scroller.current);
    return () => watcher.disconnect();
  }, []);
  const onScroll = ({ currentTarget: box }) => {
    atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
  };
  const earlier = async () => {
    const box = scroller.current;
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
          const Item = message.kind === 'file' ? FileCard : Message;
          const item = (
            <Item
              key={message.n}
              message={message}
              name={name}
              here={contact.presence === 'here'}
              online={online}
              held={Boolean(contact.doubt)}
              first={newDay || !together(before, message)}
              last={!after || !together(message, after) || s.day(after.at, now) !== day}
            />
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

/** Messages of one side within a short while stand as one group with one time; unlike states stay apart. */
const together = (a, b) =>
  a.kind !== 'file' && b.kind !== 'file' && a.mine === b.mine && b.at - a.at < GROUP_MS && a.state === b.state;

function emptyWords({ presence, how, pairedAt, problem }, name) {
  if (problem) return s.thread.refused;
  if (pairedAt) return presence === 'here' ? s.thread.empty(name) : s.thread.emptyAway(name);
  return how === 'asked' ? s.thread.emptyAsked : s.thread.emptyInvited;
}
