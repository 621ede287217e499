/** What a search found: contacts at once, messages as they are found. */
import { s } from '../../strings/index.js';
import { nameOf } from '../actions.js';
import { contactsFor, useHits } from '../search.js';
import { useEngine, useStore } from '../store.js';
import { jumpTo } from '../threads.js';
import { useNow } from '../use-now.js';
import { ContactRow } from './ContactRow.jsx';

/** @typedef {import('../../engine/types.js').ShownContact} ShownContact */

export function SearchResults() {
  const { query, contact } = useStore(({ search }) => search);
  const open = useStore(({ place }) => place.contact);
  const contacts = useEngine((engine) => engine.contacts);
  const { hits, busy, more } = useHits(query, contact);
  const now = useNow(60_000);
  const people = contact ? [] : contactsFor(contacts, query);
  // A contact that was deleted meanwhile has no name to show.
  const shown = hits.filter((hit) => contacts.some(({ id }) => id === hit.contact));
  const nothing = !busy && people.length + shown.length === 0;
  return (
    <div class="contacts results" aria-busy={busy}>
      <p role="status" class={nothing ? 'results-none' : 'visually-hidden'}>
        {nothing ? s.search.nothing : busy ? s.search.busy : s.search.found(people.length, shown.length, Boolean(more))}
      </p>
      {people.length > 0 && (
        <section aria-labelledby="found-people">
          <h2 id="found-people">{s.search.contacts}</h2>
          <ul>
            {people.map((one) => (
              <ContactRow key={one.id} contact={one} open={one.id === open} now={now} />
            ))}
          </ul>
        </section>
      )}
      {shown.length > 0 && (
        <section aria-labelledby="found-messages">
          <h2 id="found-messages">{s.search.messages}</h2>
          <ul>
            {shown.map((hit) => (
              <HitRow key={hit.n} hit={hit} contact={contacts.find(({ id }) => id === hit.contact)} now={now} />
            ))}
          </ul>
          {more && (
            <button type="button" class="button button-small" onClick={more}>
              {s.search.more}
            </button>
          )}
        </section>
      )}
    </div>
  );
}

/** @param {{hit: import('../search.js').Hit, contact: ShownContact | undefined, now: number}} props */
function HitRow({ hit, contact, now }) {
  if (!contact) return null;
  return (
    <li>
      <button type="button" class="contact hit" onClick={() => jumpTo(hit.contact, hit.n)}>
        <span class="contact-name">
          <bdi>{nameOf(contact)}</bdi>
        </span>
        <span class="contact-time">{s.listTime(hit.at, now)}</span>
        <span class="hit-text">
          {hit.mine === 1 && <span class="hit-you">{s.search.you} </span>}
          <bdi>
            {hit.parts.map(({ text, hit: marked }, index) => (marked ? <mark key={index}>{text}</mark> : text))}
          </bdi>
        </span>
      </button>
    </li>
  );
}
