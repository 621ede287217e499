/**
 * What opens the menu of a message, and moves between messages: the button of a row, a long press, and the keyboard.
 * The list handles all of it, so that a row costs nothing.
 */
import { useRef, useState } from 'preact/hooks';

/** So long a finger rests on a message before its menu opens. */
const PRESS_MS = 500;
/** A finger that moves further than this many pixels scrolls. */
const PRESS_PX = 10;

/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {{message: Message, row: HTMLElement, ask: boolean}} OpenMenu ask: it asks whether to delete */

/** @param {EventTarget | null} target */
const rowOf = (target) =>
  target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('.message')) : null;

/** Moves the focus to a row. @param {Element | null | undefined} row */
export function focusRow(row) {
  if (!(row instanceof HTMLElement)) return;
  row.tabIndex = -1;
  row.focus();
  row.scrollIntoView({ block: 'nearest' });
}

/** @param {Element} box @param {Element | null} row @param {1 | -1} step */
function neighbour(box, row, step) {
  const rows = [...box.getElementsByClassName('message')];
  return row ? rows[rows.indexOf(row) + step] : rows.at(step > 0 ? 0 : -1);
}

/**
 * @param {Message[]} list the messages that are shown
 * @param {{reply: (message: Message) => void, copy: (message: Message) => void}} acts
 */
export function useMessageMenu(list, acts) {
  const [open, setOpen] = useState(/** @type {OpenMenu | null} */ (null));
  const press = useRef({ timer: 0, x: 0, y: 0 });

  /** @param {HTMLElement | null} row */
  const messageOf = (row) => list.find(({ n }) => n === Number(row?.dataset.n));
  /** @param {HTMLElement | null} row @param {boolean} [ask] */
  const show = (row, ask = false) => {
    const message = messageOf(row);
    if (row && message) setOpen({ message, row, ask });
  };
  const endPress = () => clearTimeout(press.current.timer);

  /** @param {KeyboardEvent} event */
  const onRowKey = (event) => {
    const row = /** @type {HTMLElement} */ (event.target);
    const message = messageOf(row);
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!message || !plain) return false;
    const key = event.key.toLowerCase();
    if (key === 'enter' || key === 'contextmenu' || (key === 'f10' && event.shiftKey)) show(row);
    else if (key === 'r') acts.reply(message);
    else if (key === 'c') acts.copy(message);
    else if (key === 'delete') show(row, true);
    else return false;
    return true;
  };

  return {
    open,
    close: () => setOpen(null),
    /** Returns true if the key was for a message. @param {KeyboardEvent & {currentTarget: HTMLElement}} event */
    onKey(event) {
      const { target, currentTarget: box, key } = event;
      const row = target instanceof HTMLElement && target.matches('.message') ? target : null;
      if (!row && target !== box) return false;
      if (row && onRowKey(event)) return true;
      if (row && key === 'Escape') box.focus();
      const step = key === 'ArrowUp' ? -1 : key === 'ArrowDown' ? 1 : 0;
      if (!step || (!row && step > 0) || event.ctrlKey || event.metaKey || event.altKey) return false;
      focusRow(neighbour(box, row, step));
      return true;
    },
    handlers: {
      /** @param {MouseEvent} event */
      onClick(event) {
        if (event.target instanceof Element && event.target.closest('.message-more')) show(rowOf(event.target));
      },
      /** @param {PointerEvent} event */
      onPointerDown({ pointerType, target, clientX: x, clientY: y }) {
        endPress();
        if (pointerType !== 'touch') return;
        press.current = { x, y, timer: window.setTimeout(() => show(rowOf(target)), PRESS_MS) };
      },
      /** @param {PointerEvent} event */
      onPointerMove({ clientX, clientY }) {
        if (Math.hypot(clientX - press.current.x, clientY - press.current.y) > PRESS_PX) endPress();
      },
      onPointerUp: endPress,
      onPointerCancel: endPress,
      /** A long press must not open the browser's own menu, too. @param {MouseEvent} event */
      onContextMenu(event) {
        const touch = /** @type {PointerEvent} */ (event).pointerType === 'touch';
        if (touch && rowOf(event.target)) event.preventDefault();
      },
    },
  };
}
