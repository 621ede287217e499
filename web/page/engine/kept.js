/**
 * The contacts as the database has them. Only fields that have changed here are stored, so that engines of one profile
 * (sync.js) which change different fields of a contact keep both.
 */
import { asError } from './errors.js';
import { bothOf, changedFields, setFields } from './fields.js';

/** @typedef {import('./types.js').Contact} Contact */
/** @typedef {import('./fields.js').Change<Contact>} Change */

export class Kept {
  /** @param {import('./types.js').Engine} engine */
  constructor(engine) {
    this.engine = engine;
    /** What is stored, as far as this engine knows. @type {Map<string, Contact>} by ID; records are only replaced */
    this.stored = new Map();
    /** Contacts that have changed since they were stored. @type {Set<Contact>} */
    this.unsaved = new Set();
    /** The write that will store them, if one is due. @type {Promise<void> | null} */
    this.due = null;
    /** Settles after the last write. @type {Promise<void>} */
    this.saved = Promise.resolve();
  }

  /** A contact was read. @param {Contact} contact */
  note(contact) {
    this.stored.set(contact.id, { ...contact });
  }

  /**
   * Takes over what another engine has changed of a contact, but not what has changed here since.
   * @param {Contact} contact @param {Contact} record what was read
   * @param {Partial<Contact>} before what was known to be stored before it was read
   */
  takeOver(contact, record, before) {
    this.stored.set(contact.id, bothOf(before, this.stored.get(contact.id) ?? contact, record));
    setFields(contact, changedFields(bothOf(before, contact, record), contact));
  }

  /**
   * Stores what a person has decided about a contact, and changes the contact then: what could not be kept does not
   * hold, and is not shown.
   * @param {Contact} contact may be new @param {Partial<Contact>} [fields] undefined: removed
   */
  async decide(contact, fields = {}) {
    const decided = { ...contact, ...fields };
    const change = this.changeOf(decided);
    if (!change.made && Object.keys(change.fields).length === 0) return;
    await this.engine.db.change('contacts', [change]);
    setFields(contact, fields);
    this.noteChange(change, contact);
    this.engine.tell.state();
  }

  /**
   * Stores what has changed of a contact. What changes while others are being stored is stored together, after them.
   * @param {Contact} contact
   */
  save(contact) {
    this.unsaved.add(contact);
    if (!this.due) {
      this.due = this.saved.then(() => this.saveAll());
      this.saved = this.due.catch((error) => this.engine.log(`contacts: ${asError(error).message}`));
    }
    return this.due;
  }
  async saveAll() {
    const { contacts, db } = this.engine;
    // One that was removed meanwhile must not come back.
    const list = [...this.unsaved].filter((contact) => contacts.get(contact.id) === contact);
    const changes = list.map((contact) => this.changeOf(contact));
    this.unsaved.clear();
    this.due = null;
    try {
      await db.change('contacts', changes);
    } catch (error) {
      for (const contact of list) this.unsaved.add(contact); // stored with the next that changes
      throw error;
    }
    changes.forEach((change, index) => this.noteChange(change, list[index]));
  }

  /** @param {Contact} contact @returns {Change} what is not stored of it */
  changeOf(contact) {
    const stored = this.stored.get(contact.id);
    return { key: contact.id, fields: changedFields(contact, stored ?? {}), made: !stored };
  }

  /** @param {Change} change that was stored @param {Contact} contact */
  noteChange({ key, fields, made }, contact) {
    const known = this.engine.contacts.get(key);
    if (known !== contact && !(made && !known)) return; // removed meanwhile
    this.stored.set(key, setFields(/** @type {Contact} */ ({ ...this.stored.get(key) }), fields));
  }
}
