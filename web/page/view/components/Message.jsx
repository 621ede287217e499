import { s } from '../../strings/index.js';
import { messageWords } from '../presence.js';
import { Linked } from './Linked.jsx';

/**
 * @typedef {object} MessageProps
 * @property {string} name of the contact
 * @property {import('../presence.js').Peer} peer what is known about the contact
 * @property {boolean} held nothing is sent, because of a doubt
 * @property {boolean} refused the contact does not let this side in
 * @property {boolean} first of a group
 * @property {boolean} last of a group
 */

/** @param {MessageProps & {message: import('../../engine/types.js').TextMessage}} props */
export function Message({ message, name, peer, held, refused, first, last }) {
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
          {mine ? (
            <span class="meta-state">
              {' '}
              · {refused && state !== 'delivered' ? s.thread.refusedMessage : messageWords(state, peer, held, name)}
            </span>
          ) : null}
        </p>
      )}
    </li>
  );
}
