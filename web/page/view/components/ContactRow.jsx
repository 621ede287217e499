import { s } from '../../strings/index.js';
import { nameOf, openThread } from '../actions.js';
import { peerOf } from '../presence.js';
import { useEngine } from '../store.js';
import { refusalShort } from '../refusal.js';
import { Avatar } from './Avatar.jsx';

/** @param {{contact: import('../../engine/types.js').ShownContact, open: boolean, now: number}} props */
export function ContactRow({ contact, open, now }) {
  const here = useEngine((engine) => peerOf(engine.server, contact) === 'here');
  const name = nameOf(contact);
  return (
    <li>
      <button
        type="button"
        class={`contact ${open ? 'contact-open' : ''} ${contact.unread ? 'contact-unread' : ''}`}
        aria-current={open ? 'true' : undefined}
        onClick={() => openThread(contact.id)}
      >
        <span class="contact-face">
          <Avatar id={contact.id} name={name} />
          {here && <span class="here-dot" aria-hidden="true" />}
        </span>
        <span class="contact-who">
          <span class="contact-name" title={name}>
            <bdi>{name}</bdi>
          </span>
          {here && <span class="contact-here"> {s.list.here}</span>}
        </span>
        {contact.last && <span class="contact-time">{s.listTime(contact.last.at, now)}</span>}
        <span class="contact-last">
          <bdi>{lastWords(contact, now)}</bdi>
        </span>
        {contact.unread > 0 && (
          <span class="unread">
            <span aria-hidden="true">{s.number(contact.unread)}</span>
            <span class="visually-hidden">{s.list.unread(contact.unread)}</span>
          </span>
        )}
      </button>
    </li>
  );
}

/** @param {import('../../engine/types.js').ShownContact} contact @param {number} now */
function lastWords(contact, now) {
  const { blocked, doubt, last, pairedAt, how } = contact;
  if (blocked) return s.list.blocked;
  if (doubt) return s.list.doubt;
  const refused = pairedAt && last ? '' : refusalShort(contact, now);
  if (refused) return refused;
  if (last) return last.mine ? s.list.youSaid(last.text) : last.text;
  if (pairedAt) return s.list.joined;
  return how === 'asked' ? s.thread.asked : s.thread.connecting;
}
