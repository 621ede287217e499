/** What is kept in this browser: how much, of whom, how long it is safe, and how to remove it. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call, nameOf } from '../actions.js';
import { persistence } from '../persist.js';
import { go, useEngine } from '../store.js';
import { BackButton } from './BackButton.jsx';
import { DeleteEverything } from './DeleteEverything.jsx';

/** @typedef {import('../../engine/storage.js').Usage} Usage */
/** @typedef {{contact?: string, days?: number}} Which received files */

const OLD_DAYS = 30;
const SHOWN = 10;

export function StorageScreen() {
  const contacts = useEngine((engine) => engine.contacts);
  const [usage, setUsage] = useState(/** @type {Usage | null} */ (null));
  const [shown, setShown] = useState(SHOWN);
  const load = async () => setUsage(await call('usage'));
  useEffect(() => void load(), []);
  return (
    <div class="page">
      <header class="bar">
        <BackButton />
        <h1>{s.storage.heading}</h1>
      </header>
      <div class="sheet">
        <p class="lead">{s.storage.lead}</p>
        {usage ? <Used usage={usage} /> : <p role="status">{s.storage.counting}</p>}
        <Persistence />
        {usage && (
          <section>
            <h2>{s.storage.byContact}</h2>
            {usage.contacts.length === 0 && <p class="fine">{s.storage.noFiles}</p>}
            <ul class="plain storage-shares">
              {usage.contacts.slice(0, shown).map((share) => {
                const contact = contacts.find(({ id }) => id === share.contact);
                const name = contact ? nameOf(contact) : s.friend(share.contact.slice(-4));
                return (
                  <li key={share.contact} class="storage-share">
                    <p>
                      <bdi>{name}</bdi> <span class="fine">{s.storage.share(share.files, share.bytes)}</span>
                    </p>
                    {share.received > 0 && (
                      <Remove which={{ contact: share.contact }} label={s.storage.removeOf(name)} done={load} />
                    )}
                  </li>
                );
              })}
            </ul>
            {usage.contacts.length > shown && (
              <button type="button" class="button button-small" onClick={() => setShown(shown + SHOWN)}>
                {s.search.more}
              </button>
            )}
            {usage.contacts.some(({ received }) => received > 0) && (
              <Remove which={{ days: OLD_DAYS }} label={s.storage.removeOld(OLD_DAYS)} done={load} />
            )}
          </section>
        )}
        <DeleteEverything />
      </div>
    </div>
  );
}

/** @param {{usage: Usage}} props */
function Used({ usage: { messages, files, bytes, used, quota } }) {
  return (
    <section>
      <h2>{s.storage.used}</h2>
      <p>{s.storage.holds(messages, files, bytes)}</p>
      {used !== null && quota !== null && quota > 0 && (
        <>
          <meter class="storage-meter" min={0} max={quota} value={used} aria-label={s.storage.used} />
          <p class="fine">{s.storage.quota(used, Math.max(0, quota - used))}</p>
        </>
      )}
    </section>
  );
}

/** Whether the browser may delete all this by itself, in plain words. */
function Persistence() {
  const [kept, setKept] = useState(/** @type {Awaited<ReturnType<typeof persistence>> | null} */ (null));
  useEffect(() => void persistence().then(setKept), []);
  const ask = async () => setKept(await persistence({ ask: true }));
  if (!kept) return null;
  return (
    <section>
      <h2>{s.storage.safety}</h2>
      <p role="status">{s.storage.persistence[kept]}</p>
      <div class="buttons">
        {kept === 'no' && (
          <button type="button" class="button" onClick={ask}>
            {s.storage.ask}
          </button>
        )}
        <button type="button" class="button" onClick={() => go({ screen: 'identity' })}>
          {s.settings.moveIdentity}
        </button>
      </div>
    </section>
  );
}

/** Asks once, with how much it is. @param {{which: Which, label: string, done: () => Promise<void>}} props */
function Remove({ which, label, done }) {
  const [found, setFound] = useState(/** @type {{files: number, bytes: number} | null} */ (null));
  const [none, setNone] = useState(false);
  const look = async () => {
    const there = await call('removable', which);
    setNone(there.files === 0);
    setFound(there.files > 0 ? there : null);
  };
  const remove = async () => {
    await call('removeReceived', which);
    setFound(null);
    await done();
  };
  if (!found) {
    return (
      <div class="buttons buttons-line">
        <button type="button" class="button button-small" onClick={look}>
          {label}
        </button>
        <span role="status">{none && s.storage.nothingToRemove}</span>
      </div>
    );
  }
  return (
    <div class="sure" role="group" aria-label={label}>
      <p>{s.storage.removeSure(found.files, found.bytes)}</p>
      <div class="buttons">
        <button type="button" class="button button-danger" onClick={remove}>
          {s.storage.removeYes}
        </button>
        <button type="button" class="button" autofocus onClick={() => setFound(null)}>
          {s.cancel}
        </button>
      </div>
    </div>
  );
}
