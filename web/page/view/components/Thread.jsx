/** One conversation: the contact, the messages, and the composer. */
import { useEffect } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { headWords, peerOf } from '../presence.js';
import { go, goBackFrom, useEngine } from '../store.js';
import { refusal, refusalShort } from '../refusal.js';
import { loadThread } from '../threads.js';
import { useSaidPresence } from '../spoken.js';
import { useFileDrop } from '../use-file-drop.js';
import { takesFiles } from '../waiting-files.js';
import { useRare } from '../use-rare.js';
import { useNow } from '../use-now.js';
import { Avatar } from './Avatar.jsx';
import { BackButton } from './BackButton.jsx';
import { Composer } from './Composer.jsx';
import { Doubt } from './Doubt.jsx';
import { Icon } from './Icon.jsx';
import { MessageList } from './MessageList.jsx';
import { NameAsk } from './NameAsk.jsx';
import { Offers } from './Offers.jsx';
import { Refused } from './Refused.jsx';

/** @param {{place: import('../store.js').OpenPlace}} props */
export function Thread({ place }) {
  const contact = useEngine((engine) => engine.contacts.find(({ id }) => id === place.contact));
  const server = useEngine((engine) => engine.server);
  const now = useNow(60_000);
  const id = place.contact;
  useEffect(() => void loadThread(id), [id]);

  const refused = contact ? refusal(contact, now) : '';
  const takes = contact !== undefined && takesFiles(contact, now);
  const asksName = contact?.pairedAt && !contact.asked && !contact.doubt && !contact.blocked && !refused;
  const hovering = useFileDrop(takes ? id : null);

  const Viewer = useRare(place.picture !== undefined, () => goBackFrom(place))?.Viewer;

  if (!contact) {
    return (
      <div class="page">
        <BackButton />
      </div>
    );
  }
  const name = nameOf(contact);
  return (
    <div class={`thread${hovering ? ' thread-drop' : ''}`}>
      {hovering && <p class="drop-here">{s.files.drop(name)}</p>}
      <header class="bar thread-head">
        <BackButton narrow />
        <Avatar id={id} name={name} />
        <div class="thread-who">
          <h1 title={name}>
            <bdi>{name}</bdi>
            {contact.comparedAt && (
              <span class="compared" role="img" aria-label={s.phrase.mark} title={s.phrase.mark}>
                <Icon name="shield" />
              </span>
            )}
          </h1>
          <Presence contact={contact} name={name} server={server} now={now} />
        </div>
        <button
          type="button"
          class="button button-icon"
          aria-label={s.thread.detailsOf(name)}
          title={s.thread.detailsOf(name)}
          onClick={() => go({ screen: 'contact', contact: id })}
        >
          <Icon name="info" />
        </button>
      </header>
      {contact.doubt && <Doubt contact={contact} />}
      {asksName && <NameAsk contact={contact} />}
      <MessageList contact={contact} name={name} refused={refused !== ''} />
      {takes && <Offers contact={id} name={name} />}
      {contact.blocked ? (
        <div class="thread-foot">
          <p>{s.thread.blocked}</p>
          <button type="button" class="button" onClick={() => call('unblock', { contact: id })}>
            {s.thread.unblock}
          </button>
        </div>
      ) : contact.doubt ? null : refused ? (
        <Refused contact={contact} name={name} why={refused} />
      ) : (
        <Composer contact={contact} name={name} />
      )}
      {Viewer && place.picture && <Viewer contact={id} picture={place.picture} />}
    </div>
  );
}

/**
 * @param {{contact: import('../../engine/types.js').ShownContact, name: string,
 *   server: import('../../engine/types.js').ServerState, now: number}} props
 */
function Presence({ contact, name, server, now }) {
  const words = refusalShort(contact, now) || headWords(peerOf(server, contact));
  useSaidPresence(contact, name, words);
  return <p class="fine">{words}</p>;
}
