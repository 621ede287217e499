/**
 * The messages of a thread, newest last. It holds a bounded part of the thread, and loads more when the person comes
 * near an edge. It stays at the end, unless the person scrolled up to read.
 */
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { memo } from '../memo.js';
import { copyMessage, replyTo } from '../messages.js';
import { unstoredOf } from '../outbox.js';
import { emptyWords, peerOf } from '../presence.js';
import { rowsOf } from '../rows.js';
import { store, useEngine, useStore } from '../store.js';
import { jumpToFirst, jumpToNewest, loadNewer, loadOlder, markSeen, readBy } from '../threads.js';
import { useMessageMenu } from '../use-message-menu.js';
import { useScroll } from '../use-scroll.js';
import { useToday } from '../use-today.js';
import { isFull } from '../window.js';
import { Day } from './Day.jsx';
import { DateChoice } from './DateChoice.jsx';
import { FileCard } from './FileCard.jsx';
import { Message as TextBubble } from './Message.jsx';
import { MessageMenu } from './MessageMenu.jsx';
import { Moves } from './Moves.jsx';

/** @typedef {import('../../engine/types.js').Message} Message */
/** @typedef {import('../../engine/types.js').ShownContact} ShownContact */
/** @typedef {import('../use-scroll.js').Scroll} Scroll */

/** A page is loaded when the edge of the list is less than this many screens away, and no further than its third. */
const AHEAD = 2;
/** So long a message that was jumped to is marked. */
const MARK_MS = 2000;
/** @type {Message[]} */
const none = [];

/** @param {{contact: ShownContact, name: string, refused: boolean}} props refused: they do not let this side in */
export function MessageList({ contact, name, refused }) {
  const { id } = contact;
  const thread = useStore(({ threads }) => threads[id]);
  const server = useEngine((engine) => engine.server);
  const today = useToday();
  const [choosing, setChoosing] = useState(/** @type {number | null} */ (null));
  const list = thread?.list ?? none;
  const outbox = useStore(({ outbox }) => outbox);
  const rows = useMemo(() => {
    const own = thread && !thread.newer ? unstoredOf(outbox, id, list) : none;
    return rowsOf(own.length > 0 ? [...list, ...own] : list);
  }, [list, outbox, thread?.newer]);

  const scroll = useScroll({ head: list[0]?.n, more: thread?.newer ?? false }, ({ top, bottom, height, went }) => {
    const { threads, jump } = store.get();
    if (jump?.contact === id) return; // the place is not reached yet
    const now = threads[id];
    const ahead = Math.min(AHEAD * height, (top + height + bottom) / 3);
    // In a full list, a page at one edge takes one from the other. Only who goes there has it, or they would alternate.
    const full = now !== undefined && isFull(now);
    if (now?.older && top < ahead && (!full || went === 'up')) void loadOlder(id);
    if (now?.newer && bottom < ahead && (!full || went === 'down')) void loadNewer(id);
    see();
  });
  const see = () => {
    const shown = store.get().threads[id];
    if (document.visibilityState !== 'visible' || !shown || !contact.unread) return;
    const n = scroll.isAtEnd() && !shown.newer ? shown.list.at(-1)?.n : numberOf(scroll.lastRow());
    if (n !== undefined) markSeen(id, n);
  };
  useReader(id, scroll);
  useJump(id, thread?.run, scroll);
  useEffect(() => {
    see();
    document.addEventListener('visibilitychange', see);
    return () => document.removeEventListener('visibilitychange', see);
  }, [contact.unread, thread]);
  // Only what comes is read aloud, not what was there before or is loaded.
  const [heard, setHeard] = useState(/** @type {number | undefined} */ (undefined));
  useEffect(() => setHeard(thread?.run), [thread?.run]);
  const live = scroll.atEnd && thread !== undefined && heard === thread.run;

  const writable = !contact.blocked && !contact.doubt && !refused;
  const menu = useMessageMenu(list, { copy: copyMessage, reply: (message) => writable && replyTo(message) });
  /** @param {import('preact').TargetedKeyboardEvent<HTMLDivElement>} event */
  const onKeyDown = (event) => {
    if (menu.onKey(event)) return event.preventDefault();
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey)
      return;
    if (event.key === 'Home' && thread?.older) void jumpToFirst(id);
    else if (event.key === 'End' && thread?.newer) void jumpToNewest(id);
    else return;
    event.preventDefault();
  };
  const peer = peerOf(server, contact);
  const state = { name, peer, held: Boolean(contact.doubt), refused };
  const { readTo = 0 } = contact;
  return (
    <div class="thread-log">
      {choosing !== null && <DateChoice contact={id} at={choosing} close={() => setChoosing(null)} />}
      <div
        class="scroller"
        ref={scroll.box}
        onScroll={scroll.onScroll}
        onKeyDown={onKeyDown}
        {...menu.handlers}
        tabIndex={0}
        role="log"
        aria-live={live ? 'polite' : 'off'}
        aria-label={s.thread.log(name)}
      >
        {rows.length === 0 && !contact.doubt && !refused && <p class="empty">{emptyWords(peer, contact, name)}</p>}
        <ol class="messages" ref={scroll.rows}>
          {rows.flatMap(({ message, day, first, last }) => {
            const read = message.mine === 1 && message.state === 'delivered' && message.n <= readTo;
            const props = { message, first, last, read, ...state };
            const row = <Row key={`${message.mine} ${message.id}`} {...props} />; // also before it has a number
            return day === null ? [row] : [<Day key={`day ${day}`} at={day} today={today} choose={setChoosing} />, row];
          })}
        </ol>
      </div>
      {menu.open && (
        <MessageMenu
          key={menu.open.message.n}
          open={menu.open}
          name={name}
          writable={writable}
          refused={refused && !contact.doubt}
          close={menu.close}
        />
      )}
      <Moves contact={contact} away={!scroll.atEnd || Boolean(thread?.newer)} choose={setChoosing} />
    </div>
  );
}

/** One message. It is rendered again only when it or what is said about it has changed. */
const Row = memo(
  /** @param {import('./Message.jsx').MessageProps & {message: Message}} props */ ({ message, ...state }) =>
    message.kind === 'file' ? <FileCard message={message} {...state} /> : <TextBubble message={message} {...state} />,
);

/** @param {Element | null} row */
const numberOf = (row) => (row instanceof HTMLElement && row.dataset.n ? Number(row.dataset.n) : undefined);

/** Says where the person reads. @param {string} contact @param {Scroll} scroll */
function useReader(contact, scroll) {
  useLayoutEffect(
    () =>
      readBy({
        contact,
        atEnd: scroll.isAtEnd,
        place: () => (scroll.isAtEnd() ? null : (numberOf(scroll.topRow()) ?? null)),
        look: scroll.look,
      }),
    [contact],
  );
}

/**
 * Goes where a jump leads, as soon as that part of the thread is rendered.
 * @param {string} contact @param {number | undefined} run @param {Scroll} scroll
 */
function useJump(contact, run, scroll) {
  const jump = useStore(({ jump }) => jump);
  useLayoutEffect(() => {
    if (jump?.contact !== contact || run === undefined) return;
    store.set({ jump: null });
    if (jump.n === null) return scroll.toEnd();
    const { n } = jump;
    const all = [...(scroll.rows.current?.getElementsByClassName('message') ?? [])];
    const row = all.find((one) => (numberOf(one) ?? 0) >= n) ?? all.at(-1);
    if (!(row instanceof HTMLElement)) return;
    scroll.toRow(row, jump.block ?? 'center');
    if (jump.mark) mark(row);
  }, [jump, run]);
}

/** Marks a row for a moment, and moves the focus there, so that a screen reader reads it. @param {HTMLElement} row */
function mark(row) {
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.toggleAttribute('data-found', true);
  setTimeout(() => row.removeAttribute('data-found'), MARK_MS);
}
