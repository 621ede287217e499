/**
 * Keeps engines of one profile in step where each tab has its own: tells the others what was written, and reads what
 * they wrote.
 */

const SHARED_STORES = new Set(['contacts', 'knocks', 'invites', 'decisions', 'spent', 'settings']);
/** Waits this long after a write, so that several cause one reload. */
const SETTLE_MS = 50;

/**
 * Returns what was read of a store, with what has changed here since the read began: that is newer.
 * @template T @param {Map<string, T>} before what was here when the read began @param {Map<string, T>} now
 * @param {[string, T][]} read @returns {Map<string, T>}
 */
export function merged(before, now, read) {
  const all = new Map(read);
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    const value = now.get(key);
    if (value === before.get(key)) continue;
    if (value === undefined) all.delete(key);
    else all.set(key, value);
  }
  return all;
}

/** @param {import('./types.js').Engine} engine */
export function shareWrites(engine) {
  const channel = new BroadcastChannel('pairlink-writes');
  engine.db.written = (store) => {
    if (SHARED_STORES.has(store)) channel.postMessage({ store });
  };

  const { messages, renewed, deleted } = engine.tell;
  engine.tell = {
    ...engine.tell,
    messages(contact, list, gone) {
      messages(contact, list, gone);
      channel.postMessage({ messages: { contact, list, gone } });
    },
    renewed() {
      renewed();
      channel.postMessage({ renewed: true });
    },
    deleted() {
      deleted();
      channel.postMessage({ deleted: true });
    },
  };

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let due;
  channel.addEventListener('message', ({ data }) => {
    if (data.messages) return messages(data.messages.contact, data.messages.list, data.messages.gone);
    if (data.deleted) return deleted();
    if (data.renewed) return renewed(); // the tab reloads, and its engine with it
    clearTimeout(due);
    due = setTimeout(() => engine.started?.then(() => engine.reload()), SETTLE_MS);
  });
}
