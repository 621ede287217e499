/** The list of conversations; on a phone, it is a screen of its own. */
import { s } from '../../strings/index.js';
import { go, useEngine, useStore } from '../store.js';
import { memo } from '../memo.js';
import { useToday } from '../use-today.js';
import { ContactRow } from './ContactRow.jsx';
import { Icon, Mark } from './Icon.jsx';
import { Knocks } from './Knocks.jsx';
import { MoreButton } from './MoreButton.jsx';
import { SearchField } from './SearchField.jsx';
import { SearchResults } from './SearchResults.jsx';

const Row = memo(ContactRow);

/** @param {{whole?: boolean}} props whole: it is the only thing on the screen, so its title is the screen's heading */
export function Sidebar({ whole = false }) {
  const Title = whole ? 'h1' : 'span';
  const contacts = useEngine((engine) => engine.contacts);
  const open = useStore(({ place }) => place.contact);
  const today = useToday();
  const searching = useStore(({ search }) => search.query.trim() !== '');
  return (
    <nav class="sidebar" aria-label={s.list.title}>
      <header class="bar">
        <Mark />
        <Title class="wordmark">{s.app}</Title>
        <MoreButton />
      </header>
      <SearchField />
      <Knocks />
      {searching ? (
        <SearchResults />
      ) : (
        <ul class="contacts">
          {contacts.map((contact) => (
            <Row key={contact.id} contact={contact} open={contact.id === open} now={today} />
          ))}
        </ul>
      )}
      <button type="button" class="button sidebar-new" onClick={() => go({ screen: 'new' })}>
        <Icon name="plus" />
        {s.list.add}
      </button>
    </nav>
  );
}
