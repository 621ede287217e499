/** The commands of the tabs about single messages, typing and what was read; see commands.js. */
/** @typedef {import('./types.js').Engine} Engine */

export const talkCommands = {
  /** The person types a text to a contact. @param {Engine} engine @param {{contact: string}} args */
  typing: (engine, { contact }) => engine.conversations.get(contact)?.talk.type(),

  /**
   * Sets what is told, and shown, of typing or of reading.
   * @param {Engine} engine @param {{about: 'typing' | 'read', on: boolean}} args
   */
  setTalk: async (engine, { about, on }) => {
    if (about !== 'typing' && about !== 'read') return; // it comes from a tab, perhaps of another version
    await engine.db.setSetting(about, on ? undefined : false);
    engine.settings[about] = on;
    engine.talkChanged();
    engine.tell.state();
  },

  /** Tries again now to deliver what waits. @param {Engine} engine @param {{contact: string}} args */
  retry: async (engine, { contact: id }) => {
    const contact = engine.contacts.get(id);
    if (!contact || contact.blocked || engine.server.changed) return;
    if (engine.server.state === 'online') await engine.conversation(contact).retry();
    else engine.client?.networkUp();
  },

  /**
   * Deletes a message in this browser. A file that is still being sent or received has to be cancelled first; returns
   * false then.
   * @param {Engine} engine @param {{contact: string, n: number}} args
   */
  deleteMessage: async (engine, { contact: id, n }) => {
    const contact = engine.contacts.get(id);
    const message = await engine.db.message(n);
    if (!contact || message?.contact !== id) return true; // a repeated call
    const isFile = message.kind === 'file';
    if (isFile && (message.state === 'asking' || message.state === 'open')) return false;
    // What is known of its files stays, to answer a repeated offer.
    const files = isFile ? (await engine.files.store.ofCard(n)).map(({ key }) => key) : [];
    await engine.conversation(contact).remove(n, files);
    if (isFile) engine.files.tryAgain();
    return true;
  },
};
