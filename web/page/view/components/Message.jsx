import { s } from '../../strings/index.js';
import { messageWords } from '../presence.js';
import { jumpTo } from '../threads.js';
import { Icon } from './Icon.jsx';
import { Linked } from './Linked.jsx';
import { MoreActions } from './MoreActions.jsx';
import { NotStored } from './NotStored.jsx';
import { QuoteWords } from './Quote.jsx';

/**
 * @typedef {object} MessageProps
 * @property {string} name of the contact
 * @property {import('../presence.js').Peer} peer what is known about the contact
 * @property {boolean} held nothing is sent, because of a doubt
 * @property {boolean} refused the contact does not let this side in
 * @property {boolean} first of a group
 * @property {boolean} last of a group
 * @property {boolean} read by the other side
 */

/**
 * A text. It is read aloud when it comes, but the changes of its state are not: the same words would follow each own
 * message, without saying which one they are about.
 * @param {MessageProps & {message: import('../../engine/types.js').TextMessage}} props
 */
export function Message({ message, name, peer, held, refused, first, last, read }) {
  const { mine, text, at, state, reply, quote, written } = message;
  const words = refused && state !== 'delivered' ? s.thread.refusedMessage : messageWords(state, peer, held, name);
  const stored = message.n > 0;
  return (
    <li
      class={`message ${mine ? 'mine' : 'theirs'} ${first ? 'first' : ''}`}
      data-state={state}
      data-id={message.id}
      data-n={stored ? message.n : undefined}
    >
      <span class="visually-hidden">{mine ? s.thread.said(s.you) : s.thread.said(name)}</span>
      {reply && <Quoted contact={message.contact} quote={quote} name={name} />}
      <p class="bubble" dir="auto">
        <Linked text={text.replace(/\n$/, '')} />
      </p>
      {stored && <MoreActions />}
      {state === 'failed' ? (
        <NotStored id={message.id} />
      ) : (
        (last || written) && (
          <p class="meta" aria-live="off">
            <time dateTime={new Date(at).toISOString()} title={s.fullTime(at)}>
              {written ? s.talk.written(written, at) : s.time(at)}
            </time>
            {mine ? <State state={state} read={read} words={words} /> : null}
          </p>
        )
      )}
    </li>
  );
}

/** @param {{contact: string, quote?: import('../../engine/types.js').Quote | null, name: string}} props */
const Quoted = ({ contact, quote, name }) =>
  quote ? (
    <button type="button" class="quote" onClick={() => jumpTo(contact, quote.n)}>
      <span class="visually-hidden">{s.talk.answers} </span>
      <QuoteWords quote={quote} name={name} />
    </button>
  ) : (
    <p class="quote quote-gone">{s.talk.quoteGone}</p>
  );

/** A clock waits, a tick was delivered, two were read. @param {{state: string, read: boolean, words: string}} props */
function State({ state, read, words }) {
  const done = state === 'delivered';
  return (
    <span class="meta-state">
      {' '}
      <Icon name={read ? 'checks' : done ? 'check' : 'clock'} />{' '}
      <span class={done ? 'visually-hidden' : undefined}>{read ? s.talk.read : words}</span>
    </span>
  );
}
