/** The menu of one message: what can be done with it. Deleting and removing ask once, in the same place. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, say } from '../actions.js';
import { saveMessage } from '../files.js';
import { copyMessage, replyTo } from '../messages.js';
import { focusRow } from '../use-message-menu.js';

/** @typedef {import('../../engine/types.js').Message} Message */

/**
 * @param {{open: import('../use-message-menu.js').OpenMenu, name: string, writable: boolean, refused: boolean,
 *   close: () => void}} props writable: something can be sent to this contact; refused: they do not let this side in
 */
export function MessageMenu({ open: { message, row, ask }, name, writable, refused, close }) {
  const [asking, setAsking] = useState(/** @type {'delete' | 'remove' | null} */ (ask ? 'delete' : null));
  const menu = useRef(/** @type {HTMLDivElement | null} */ (null));
  useLayoutEffect(() => {
    if (menu.current) place(menu.current, row);
    menu.current?.querySelector('button')?.focus();
  }, [asking]);
  useEffect(() => {
    /** @param {Event} event */
    const outside = ({ target }) => {
      if (target instanceof Node && !menu.current?.contains(target)) close();
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, []);

  const leave = () => {
    close();
    focusRow(row);
  };
  /** @param {() => unknown} act */
  const then = (act) => () => {
    leave();
    void act();
  };
  const remove = async () => {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    close();
    if (next?.matches('.message')) focusRow(next);
    else /** @type {HTMLElement | null} */ (row.closest('.scroller'))?.focus();
    await call('deleteMessage', { contact: message.contact, n: message.n });
    say(s.talk.deleted);
  };
  const removeFile = then(() => call('removeFile', { n: message.n }));
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === 'Escape' || event.key === 'Tab') leave();
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') step(event.key === 'ArrowDown' ? 1 : -1);
    else return;
    event.preventDefault();
  };
  /** @param {number} by */
  const step = (by) => {
    const all = [...(menu.current?.querySelectorAll('button') ?? [])];
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    all[(at + by + all.length) % all.length]?.focus();
  };

  if (asking)
    return (
      <div class="menu menu-ask" ref={menu} role="alertdialog" aria-labelledby="menu-ask" onKeyDown={onKeyDown}>
        <p id="menu-ask">{asking === 'remove' ? s.files.removeAsk : askWords(message, name)}</p>
        <div class="buttons">
          <button
            type="button"
            class="button button-small button-danger"
            onClick={asking === 'remove' ? removeFile : remove}
          >
            {asking === 'remove' ? s.files.remove : s.talk.deleteYes}
          </button>
          <button type="button" class="button button-small" onClick={leave}>
            {s.cancel}
          </button>
        </div>
      </div>
    );
  const isFile = message.kind === 'file';
  const isKept = isFile && !message.mine && message.state === 'saved';
  const isOpen = isFile && (message.state === 'asking' || message.state === 'open');
  return (
    <div class="menu" ref={menu} role="menu" aria-label={s.talk.actions} onKeyDown={onKeyDown}>
      {writable && <Item label={s.talk.reply} act={then(() => replyTo(message))} />}
      <Item label={isFile ? s.talk.copyName : s.talk.copyText} act={then(() => copyMessage(message))} />
      {writable && message.state === 'waiting' && (
        <Item label={s.talk.tryNow} act={then(() => call('retry', { contact: message.contact }))} />
      )}
      {refused && message.state === 'waiting' && (
        <Item label={s.talk.sendAgain} act={then(() => call('ask', { contact: message.contact }))} />
      )}
      {isKept && (
        <>
          <Item label={message.file.group ? s.files.saveAll : s.files.save} act={then(() => saveMessage(message))} />
          <Item label={s.files.removeHere} act={() => setAsking('remove')} />
        </>
      )}
      {!isOpen && <Item label={s.talk.deleteHere} act={() => setAsking('delete')} />}
    </div>
  );
}

/** @param {{label: string, act: () => void}} props */
const Item = ({ label, act }) => (
  <button type="button" role="menuitem" class="menu-item" tabIndex={-1} onClick={act}>
    {label}
  </button>
);

/** @param {Message} message @param {string} name */
function askWords(message, name) {
  if (message.state === 'waiting') return s.talk.deleteWaiting(name);
  return message.kind === 'file' ? s.talk.deleteFile : s.talk.deleteAsk(name);
}

/** Puts the menu at its message, inside the window. @param {HTMLElement} menu @param {HTMLElement} row */
function place(menu, row) {
  const at = (row.querySelector('.bubble, .file') ?? row).getBoundingClientRect();
  const box = /** @type {HTMLElement} */ (row.closest('.scroller')).getBoundingClientRect();
  const gap = 4;
  const below = Math.max(at.bottom, box.top) + gap;
  const above = Math.min(at.top, box.bottom) - menu.offsetHeight - gap;
  const fits = below + menu.offsetHeight + gap <= innerHeight;
  const mine = row.classList.contains('mine') !== (document.documentElement.dir === 'rtl');
  const left = mine ? at.right - menu.offsetWidth : at.left;
  menu.style.top = `${Math.max(gap, fits ? below : above)}px`;
  menu.style.left = `${Math.max(gap, Math.min(left, innerWidth - menu.offsetWidth - gap))}px`;
}
