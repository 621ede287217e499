/**
 * The field to write a message. Text that is not sent yet is stored for this tab, so that a reload does not lose it.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { PIPE, TEXT_MAX_CHARS } from '../../engine/chat.js';
import { s } from '../../strings/index.js';
import { send } from '../actions.js';
import { draftOf, keepDraft } from '../drafts.js';
import { AttachButtons } from './AttachButtons.jsx';
import { Icon } from './Icon.jsx';

/** @param {{contact: import('../../engine/types.js').ShownContact, name: string}} props */
export function Composer({ contact, name }) {
  const [text, setText] = useState(() => draftOf(contact.id));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));

  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.blockSize = 'auto';
    box.style.blockSize = `${box.scrollHeight + 2}px`;
  }, [text]);

  // Stored as it is typed, not after the next frame: a reload may come before that.
  /** @param {string} next */
  const write = (next) => {
    keepDraft(contact.id, next);
    setText(next);
  };
  const over = text.length - TEXT_MAX_CHARS;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const said = text.trim();
    if (!said || over > 0) return;
    void send(contact.id, said);
    write('');
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
  };
  return (
    <form class="composer" onSubmit={submit}>
      {contact.application !== PIPE && <AttachButtons contact={contact} />}
      <textarea
        ref={field}
        class="field"
        data-first
        rows={1}
        dir={text ? 'auto' : undefined} // when empty, the direction of the placeholder, which is the page's
        value={text}
        aria-label={s.composer.label(name)}
        placeholder={s.composer.label(name)}
        title={s.composer.hint}
        aria-describedby={over > 0 ? 'composer-over' : undefined}
        aria-invalid={over > 0}
        onInput={(event) => write(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" class="button button-main button-send" disabled={!text.trim() || over > 0}>
        <Icon name="send" />
        <span>{s.composer.send}</span>
      </button>
      {over > 0 && (
        <p id="composer-over" class="note note-bad" role="status">
          {s.composer.tooLong(over)}
        </p>
      )}
    </form>
  );
}
