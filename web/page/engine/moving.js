/** Copies of an identity: the commands to make one and to use one. backup.js has their format. */
import { asError } from './errors.js';
import { PASSPHRASE_MIN_CHARS, fromText, lock, toText, unlock } from './backup.js';

/** @typedef {import('./types.js').Engine} Engine */
/** @typedef {import('./backup.js').Held} Held */

/** Settings that stay with this browser when its identity changes. */
const OF_THE_DEVICE = /** @type {const} */ (['instance', 'banner', 'relayId']);

export const moving = {
  /** Returns a copy of the identity as text. @param {Engine} engine @param {{passphrase: string}} args */
  makeBackup: async (engine, { passphrase }) => {
    if (passphrase.length < PASSPHRASE_MIN_CHARS) return { problem: 'short' };
    const sodium = await engine.loadSodium();
    const held = { seed: engine.seed, name: engine.me.name, contacts: [...engine.contacts.values()] };
    return { text: toText(sodium, lock(sodium, held, passphrase, engine.random)) };
  },

  /**
   * Opens a copy and returns whose it is. Changes nothing yet.
   * @param {Engine} engine @param {{text: string, passphrase: string}} args
   */
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
      const { problem } = asError(error);
      if (!problem) throw error;
      return { problem };
    }
  },

  /**
   * Takes over the identity of the opened copy; if it is the present one, only adds its contacts. A repeated call does
   * nothing.
   * @param {Engine} engine
   */
  useBackup: async (engine) => {
    const { opened } = engine;
    engine.opened = null;
    if (!opened) return;
    try {
      if (opened.id === engine.me.id) await addMissing(engine, opened);
      else await replace(engine, opened);
    } catch (error) {
      engine.opened ??= opened; // for another try
      throw error;
    }
  },

  /** @param {Engine} engine */
  forgetBackup: (engine) => {
    engine.opened = null;
  },
};

/** @param {Engine} engine @param {string} id */
function isId(engine, id) {
  try {
    return engine.lib.parseId(id) === id;
  } catch {
    return false;
  }
}

/** @param {import('./backup.js').PortableContact} contact @returns {import('./types.js').Contact} */
const arriving = (contact) => ({ ...contact, unread: 0 });

/** @param {Engine} engine @param {Held} held */
async function addMissing(engine, { contacts, name }) {
  const missing = contacts.filter(({ id }) => !engine.contacts.has(id));
  await engine.db.putAll('contacts', missing.map(arriving));
  if (!engine.me.name && name) await engine.db.setSetting('name', name);
  await engine.restart();
}

/** @param {Engine} engine @param {Held} held */
async function replace(engine, { seed, name, contacts }) {
  const kept = await Promise.all(OF_THE_DEVICE.map(async (key) => [key, await engine.db.setting(key)]));
  /** @type {import('./types.js').Settings} */
  const settings = { ...Object.fromEntries(kept), ...(name && { name }) };
  await engine.disconnect();
  try {
    await engine.db.replaceAll({ seed, settings, contacts: contacts.map(arriving) });
  } catch (error) {
    await engine.connect();
    throw error;
  }
  await engine.restart();
}
