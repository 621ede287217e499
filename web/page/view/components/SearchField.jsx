/** The field to search in conversations, and whether only one conversation is meant. */
import { s } from '../../strings/index.js';
import { nameOf } from '../actions.js';
import { setSearch } from '../search.js';
import { useEngine, useStore } from '../store.js';
import { Icon } from './Icon.jsx';

export function SearchField() {
  const { query, contact } = useStore(({ search }) => search);
  const open = useStore(({ place }) => place.contact);
  const one = useEngine(({ contacts }) => contacts).find(({ id }) => id === (contact ?? open));
  /** @param {import('preact').TargetedKeyboardEvent<HTMLInputElement>} event */
  const onKeyDown = (event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault(); // the browser would only empty the field
    setSearch({ query: '', contact: null });
  };
  /** Opens the first result. @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    /** @type {HTMLElement | null} */ (document.querySelector('.results[aria-busy=false] button'))?.click();
  };
  return (
    <search class="search">
      <form onSubmit={submit}>
        <Icon name="search" />
        <input
          id="search"
          class="field"
          type="search"
          dir={query ? 'auto' : undefined}
          value={query}
          maxLength={200}
          placeholder={s.search.placeholder}
          aria-label={s.search.label}
          aria-keyshortcuts="Control+K Meta+K /"
          autocomplete="off"
          spellcheck={false}
          enterkeyhint="search"
          onInput={(event) => setSearch({ query: event.currentTarget.value })}
          onKeyDown={onKeyDown}
        />
      </form>
      {one && (query.trim() || contact) && (
        <label class="search-scope">
          <input
            type="checkbox"
            checked={contact !== null}
            onChange={(event) => setSearch({ contact: event.currentTarget.checked ? one.id : null })}
          />
          <span>{s.search.only(nameOf(one))}</span>
        </label>
      )}
    </search>
  );
}
