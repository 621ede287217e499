/** Who is blocked, ignored or deleted, and the way back. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { useEngine } from '../store.js';

export function TurnedAway() {
  const strangers = useEngine((engine) => engine.turnedAway);
  const contacts = useEngine((engine) => engine.contacts.filter(({ blocked }) => blocked));
  const [done, setDone] = useState('');
  if (strangers.length + contacts.length === 0 && !done) return null;
  return (
    <section>
      <h2>{s.turnedAway.title}</h2>
      <p class="fine">{s.turnedAway.more}</p>
      <p role="status">{done}</p>
      <ul class="turned-away">
        {contacts.map((contact) => (
          <Row
            key={contact.id}
            name={nameOf(contact)}
            how={s.turnedAway.kinds.block}
            undo={s.contact.unblock}
            act={async () => {
              await call('unblock', { contact: contact.id });
              setDone(s.turnedAway.unblocked(nameOf(contact)));
            }}
          />
        ))}
        {strangers.map(({ id, name, kind }) => (
          <Row
            key={id}
            name={name ? `${name} (…${id.slice(-4)})` : `…${id.slice(-4)}`}
            how={s.turnedAway.kinds[kind]}
            undo={s.turnedAway.undo}
            act={async () => {
              await call('takeBack', { id });
              setDone(s.turnedAway.canAsk(name || `…${id.slice(-4)}`));
            }}
          />
        ))}
      </ul>
    </section>
  );
}

/** @param {{name: string, how: string, undo: string, act: () => unknown}} props */
const Row = ({ name, how, undo, act }) => (
  <li>
    <span>
      <bdi>{name}</bdi>
      <span class="fine"> · {how}</span>
    </span>
    <button type="button" class="button button-small" aria-label={s.turnedAway.undoOf(undo, name)} onClick={act}>
      {undo}
    </button>
  </li>
);
