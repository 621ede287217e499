/** The files that wait for the person who pairs next; in a thread, with the way to offer them to its contact. */
import { PIPE } from '../../engine/chat.js';
import { s } from '../../strings/index.js';
import { nameOf } from '../actions.js';
import { useEngine, useStore } from '../store.js';
import { useNow } from '../use-now.js';
import { offerWaiting, takesFiles, waitNoMore } from '../waiting-files.js';

export function WaitingFiles() {
  const waiting = useStore((view) => view.waiting);
  const place = useStore((view) => view.place);
  const newcomer = useStore((view) => view.newcomer);
  const contacts = useEngine((engine) => engine.contacts);
  const now = useNow(60_000);
  const contact = place.screen === 'thread' ? contacts.find(({ id }) => id === place.contact) : undefined;
  const cannot = contact?.application === PIPE;
  return (
    <section class="banner waiting-files" aria-label={s.wait.count(waiting.length)} data-then=".main [data-first], h1">
      <p>
        {s.wait.count(waiting.length)} {cannot && s.wait.cannot(nameOf(contact))}
      </p>
      {contact && contact.id !== newcomer && takesFiles(contact, now) && (
        <button type="button" class="button button-small" onClick={() => offerWaiting(contact)}>
          {s.wait.offer(nameOf(contact))}
        </button>
      )}
      <details class="file-list">
        <summary>{s.wait.show}</summary>
        <ul>
          {waiting.map((one) => (
            <li key={one}>
              <bdi>{one.path}</bdi> {one.file && <span class="fine">{s.files.size(one.file.size)}</span>}{' '}
              <button
                type="button"
                class="link"
                aria-label={s.wait.removeOf(one.path)}
                data-then=".waiting-files summary"
                onClick={() => waitNoMore(one)}
              >
                {s.files.remove}
              </button>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}
