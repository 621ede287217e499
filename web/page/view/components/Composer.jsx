/**
 * The field to write a message. Text that is not sent yet is stored for this tab, so that a reload does not lose it.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { PIPE, TEXT_MAX_CHARS } from '../../engine/chat.js';
import { s } from '../../strings/index.js';
import { call, send } from '../actions.js';
import { draftOf, keepDraft } from '../drafts.js';
import { setReply } from '../messages.js';
import { useStore } from '../store.js';
import { AttachButtons } from './AttachButtons.jsx';
import { Icon } from './Icon.jsx';
import { QuoteWords } from './Quote.jsx';
import { Typing } from './Typing.jsx';

/** Typing is said no more often than this. */
const TYPING_MS = 3000;
/** On a touch screen Enter begins a line, as everywhere there, and the button sends. */
const touch = matchMedia('(pointer: coarse)');

/** @param {{contact: import('../../engine/types.js').ShownContact, name: string}} props */
export function Composer({ contact, name }) {
  const [text, setText] = useState(() => draftOf(contact.id));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const reply = useStore(({ replies }) => replies[contact.id]);
  const saidTyping = useRef(-Infinity);

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
    if (!next.trim() || performance.now() - saidTyping.current < TYPING_MS) return;
    saidTyping.current = performance.now();
    void call('typing', { contact: contact.id });
  };
  const over = text.length - TEXT_MAX_CHARS;
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    const said = text.replace(/^\s*\n|\s+$/g, ''); // spaces before the first line mean something, as in code
    if (!said || over > 0) return;
    void send(contact.id, said, reply);
    setReply(contact.id, null);
    write('');
    field.current?.focus();
  };
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey && !touch.matches) submit(event);
    if (event.key === 'Escape' && reply) setReply(contact.id, null);
  };
  return (
    <form class="composer" onSubmit={submit}>
      <Typing typing={contact.typing} name={name} />
      {reply && <ReplyTo contact={contact.id} reply={reply} name={name} />}
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
        title={touch.matches ? undefined : s.composer.hint}
        enterkeyhint={touch.matches ? 'enter' : 'send'}
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

/** What the text will answer. @param {{contact: string, reply: import('../messages.js').Reply, name: string}} props */
const ReplyTo = ({ contact, reply, name }) => (
  <div class="reply-to">
    <p class="quote">
      <QuoteWords quote={reply} name={name} />
    </p>
    <button
      type="button"
      class="button button-icon"
      aria-label={s.talk.noReply}
      title={s.talk.noReply}
      onClick={() => setReply(contact, null)}
    >
      <Icon name="close" />
    </button>
  </div>
);
