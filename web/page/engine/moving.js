/** Taking an identity elsewhere, and taking one over: commands of the tabs around backup.js. */
import { PASSPHRASE_MIN_CHARS, fromText, lock, toText, unlock } from './backup.js';

/** What stays with this browser whatever identity it has. */
const OF_THE_DEVICE = ['instance', 'banner', 'relayId'];

export const moving = {
  /** A copy of the identity as text. */
  makeBackup: async (engine, { passphrase }) => {
    if (passphrase.length < PASSPHRASE_MIN_CHARS) return { problem: 'short' };
    const sodium = await engine.loadSodium();
    const held = { seed: engine.seed, name: engine.me.name, contacts: [...engine.contacts.values()] };
    return { text: toText(sodium, lock(sodium, held, passphrase, engine.random)) };
  },

  /** Opens a copy and says whose it is; nothing is changed yet. */
  openBackup: async (engine, { text, passphrase }) => {
    const sodium = await engine.loadSodium();
    engine.opened = null;
    try {
      const held = unlock(sodium, fromText(sodium, text), passphrase);
      const id = await engine.lib.idFromSeed(held.seed);
      const contacts = held.contacts.filter((contact) => contact.id !== id && isId(engine, contact.id));
      engine.opened = { ...held, id, contacts };
      return { id, name: held.name, contacts: contacts.length, same: id === engine.me.id };
    } catch (error) {
      if (!error.problem) throw error;
      return { problem: error.problem };
    }
  },

  /**
   * Becomes who the opened copy says; or, if that is who one is, adds its contacts. Asked twice, it does nothing more.
   */
  useBackup: async (engine) => {
    const { opened } = engine;
    engine.opened = null;
    if (!opened) return;
    if (opened.id === engine.me.id) await addMissing(engine, opened);
    else await replace(engine, opened);
  },

  forgetBackup: (engine) => {
    engine.opened = null;
  },
};

function isId(engine, id) {
  try {
    return engine.lib.parseId(id) === id;
  } catch {
    return false;
  }
}

const arriving = (contact) => ({ ...contact, unread: 0 });

async function addMissing(engine, { contacts, name }) {
  for (const contact of contacts)
    if (!engine.contacts.has(contact.id)) await engine.db.put('contacts', arriving(contact));
  if (!engine.me.name && name) await engine.db.setSetting('name', name);
  await engine.restart();
}

async function replace(engine, { seed, name, contacts }) {
  const settings = {};
  for (const key of OF_THE_DEVICE) settings[key] = await engine.db.setting(key);
  if (name) settings.name = name;
  await engine.disconnect();
  await engine.db.replaceAll({ seed, settings, contacts: contacts.map(arriving) });
  await engine.restart();
}
