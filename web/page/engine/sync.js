/** Where each tab has an engine of its own: tells the others what was written, and takes over what they wrote. */

const SHARED_STORES = new Set(['contacts', 'knocks', 'invites']);
const REST_MS = 50;

export function shareWrites(engine) {
  const channel = new BroadcastChannel('pairlink-writes');
  engine.db.written = (store) => SHARED_STORES.has(store) && channel.postMessage({ store });

  const { messages, renewed } = engine.tell;
  engine.tell = {
    ...engine.tell,
    messages(contact, list) {
      messages(contact, list);
      channel.postMessage({ messages: { contact, list } });
    },
    renewed() {
      renewed();
      channel.postMessage({ renewed: true });
    },
  };

  let due = 0;
  channel.addEventListener('message', ({ data }) => {
    if (data.messages) return messages(data.messages.contact, data.messages.list);
    if (data.renewed) return renewed(); // the tab loads anew, and its engine with it
    clearTimeout(due);
    due = setTimeout(() => engine.started && engine.started.then(() => engine.reload()), REST_MS);
  });
}
