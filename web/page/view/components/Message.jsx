import { s } from '../../strings/index.js';
import { Linked } from './Linked.jsx';

/**
 * @typedef {object} MessageProps
 * @property {string} name of the contact
 * @property {boolean} here the contact is connected
 * @property {boolean} online this page is connected
 * @property {boolean} held nothing is sent, because of a doubt
 * @property {boolean} first of a group
 * @property {boolean} last of a group
 */

/** @param {MessageProps & {message: import('../../engine/types.js').TextMessage}} props */
export function Message({ message, name, here, online, held, first, last }) {
  const { mine, text, at, state } = message;
  return (
    <li
      class={`message ${mine ? 'mine' : 'theirs'} ${first ? 'first' : ''}`}
      data-state={state}
      data-id={message.id}
      data-n={message.n}
    >
      <span class="visually-hidden">{mine ? s.thread.said(s.you) : s.thread.said(name)}</span>
      <p class="bubble" dir="auto">
        <Linked text={text.replace(/\n$/, '')} />
      </p>
      {last && (
        <p class="meta">
          <time dateTime={new Date(at).toISOString()} title={s.fullTime(at)}>
            {s.time(at)}
          </time>
          {mine ? <span class="meta-state"> · {stateWords(state, { name, here, online, held })}</span> : null}
        </p>
      )}
    </li>
  );
}

/** @param {string} state @param {Pick<MessageProps, 'name' | 'here' | 'online' | 'held'>} peer */
function stateWords(state, { name, here, online, held }) {
  if (state === 'delivered') return s.message.delivered;
  if (held) return s.message.held;
  if (!online) return s.message.waitingServer;
  return here ? s.message.sending : s.message.waiting(name);
}
