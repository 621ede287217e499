/** Where each tab has an engine of its own: tells the others what was written, and takes over what they wrote. */

const SHARED_STORES = new Set(['contacts', 'knocks', 'invites']);
const REST_MS = 50;

export function shareWrites(engine) {
  const channel = new BroadcastChannel('pairlink-writes');
  engine.db.written = (store) => SHARED_STORES.has(store) && channel.postMessage({ store });

  const { messages } = engine.tell;
  engine.tell = {
    ...engine.tell,
    messages(contact, list) {
      messages(contact, list);
      channel.postMessage({ messages: { contact, list } });
    },
  };

  let due = 0;
  channel.addEventListener('message', ({ data }) => {
    if (data.messages) return messages(data.messages.contact, data.messages.list);
    clearTimeout(due);
    due = setTimeout(() => engine.started && engine.started.then(() => engine.reload()), REST_MS);
  });
}
