/** Asks who should get what another program shared. The text goes to that contact's composer, and is not sent yet. */
import { useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { nameOf, openThread } from '../actions.js';
import { draftOf, keepDraft } from '../drafts.js';
import { go, useEngine } from '../store.js';
import { Avatar } from './Avatar.jsx';
import { BackButton } from './BackButton.jsx';

/** @param {{place: import('../store.js').OpenPlace}} props */
export function ShareScreen({ place }) {
  const contacts = useEngine((engine) => engine.contacts);
  const [text, setText] = useState(place.text);
  const people = contacts.filter(({ blocked }) => !blocked);
  /** @param {string} id */
  const take = (id) => {
    keepDraft(id, [draftOf(id), text].filter(Boolean).join('\n')); // what waits there stays
    openThread(id);
  };
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{s.share.heading}</h1>
      </header>
      <div class="sheet">
        <section>
          <label for="share-text">{s.share.text}</label>
          <textarea
            id="share-text"
            class="field"
            rows={3}
            dir={text ? 'auto' : undefined}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </section>
        {people.length === 0 ? (
          <section>
            <p>{s.share.nobody}</p>
            <button type="button" class="button button-main" onClick={() => go({ screen: 'new' })}>
              {s.list.add}
            </button>
          </section>
        ) : (
          <ul class="people">
            {people.map((contact) => (
              <li key={contact.id}>
                <button type="button" class="row-button row-person" onClick={() => take(contact.id)}>
                  <Avatar id={contact.id} name={nameOf(contact)} />
                  <bdi>{nameOf(contact)}</bdi>
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
