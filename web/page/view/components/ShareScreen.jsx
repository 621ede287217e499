/** Something came from another program: for whom? It lands in their composer, where it is sent or not. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { nameOf, openThread } from '../actions.js';
import { keepDraft } from '../drafts.js';
import { go, useStore } from '../store.js';
import { Avatar } from './Avatar.jsx';
import { BackButton } from './BackButton.jsx';

export function ShareScreen({ place }) {
  const contacts = useStore(({ engine }) => engine.contacts);
  const [text, setText] = useState(place.text);
  const title = useRef(null);
  useEffect(() => title.current?.focus(), []);
  const people = contacts.filter(({ blocked }) => !blocked);
  const take = (id) => {
    keepDraft(id, text);
    openThread(id);
  };
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1 ref={title} tabIndex={-1}>
          {s.share.heading}
        </h1>
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
          <ul class="choice">
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
