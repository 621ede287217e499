/** Where one writes. What is not sent yet is kept for this tab, so that a reload does not lose it. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { PIPE, TEXT_MAX_CHARS } from '../../engine/chat.js';
import { s } from '../../strings/index.js';
import { send } from '../actions.js';
import { draftOf, keepDraft } from '../drafts.js';
import { AttachButtons } from './AttachButtons.jsx';
import { Icon } from './Icon.jsx';

export function Composer({ contact, name }) {
  const [text, setText] = useState(() => draftOf(contact.id));
  const field = useRef(null);

  useEffect(() => {
    // A keyboard that rises by itself would hide half of a phone's screen.
    if (matchMedia('(hover: hover)').matches && !document.getElementById('name-ask')) field.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const box = field.current;
    box.style.blockSize = 'auto';
    box.style.blockSize = `${box.scrollHeight + 2}px`;
  }, [text]);

  // Kept as it is typed, not after the next frame: a reload may come before that.
  const write = (next) => {
    keepDraft(contact.id, next);
    setText(next);
  };
  const over = text.length - TEXT_MAX_CHARS;
  const submit = (event) => {
    event.preventDefault();
    const said = text.trim();
    if (!said || over > 0) return;
    send(contact.id, said);
    write('');
    field.current.focus();
  };
  const onKeyDown = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) submit(event);
  };
  return (
    <form class="composer" onSubmit={submit}>
      {contact.application !== PIPE && <AttachButtons contact={contact} />}
      <textarea
        ref={field}
        class="field"
        rows={1}
        dir={text ? 'auto' : undefined} // empty, it has the direction of the placeholder: the page's
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
