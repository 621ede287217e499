/**
 * Finds out whether this identity is in use on another device too. Contacts reach only one of the two, which nobody
 * would notice.
 *
 * The page calls its own ID once after each login: the relay passes such a call to another socket of the ID, or to one
 * that logs in while the call waits, and never back (docs/protocol.md, section 4). Only who has the identity can answer
 * it, so a server cannot pretend it. The session stands as long as both are here and carries nothing.
 */

/** @typedef {import('./types.js').Client} Client */
/** @typedef {import('./types.js').Session} Session */

/** How long a call is repeated: longer than the relay lets it wait. */
const CALL_MS = 40_000;
/** Engines of one browser profile have the same first bytes in their instances. */
export const PROFILE_BYTES = 4;

/**
 * @typedef {object} DevicesServices what this uses of the engine
 * @property {() => Client | null} client
 * @property {() => string} me
 * @property {() => Promise<Uint8Array>} profile the first bytes of this profile's instances
 * @property {() => void} changed `elsewhere` may have changed
 * @property {(text: string) => void} log
 */

export class Devices {
  /** @param {DevicesServices} engine */
  constructor(engine) {
    this.engine = engine;
    /** @type {Map<Session, ReturnType<typeof setTimeout> | undefined>} with the end of those that are called */
    this.sessions = new Map();
    /** Those that are linked. @type {Set<Session>} */
    this.others = new Set();
    this.profile = '';
  }

  /** Whether this identity is in use on another device at this moment. */
  get elsewhere() {
    return this.others.size > 0;
  }

  /** Called after each login. */
  async online() {
    this.profile = String(await this.engine.profile());
    this.call();
  }

  call() {
    const client = this.engine.client();
    if (client?.state !== 'online') return;
    client.allow(this.engine.me()); // calls of the other device are no strangers' calls
    const session = client.connect(this.engine.me());
    if (this.sessions.has(session)) return;
    this.attach(session);
    if (session.state !== 'linked')
      this.sessions.set(
        session,
        setTimeout(() => this.end(session), CALL_MS),
      );
  }

  /** Adds a session with the own ID. @param {Session} session */
  attach(session) {
    if (this.sessions.has(session)) return;
    this.sessions.set(session, undefined);
    session.on('linked', () => this.linked(session));
    session.on('unlinked', () => this.lost(session));
    session.on('closed', () => this.lost(session));
    session.on('message', ({ taken }) => taken());
    if (session.state === 'linked') this.linked(session);
  }

  /** @param {Session} session */
  linked(session) {
    clearTimeout(this.sessions.get(session));
    if (!this.sessions.has(session)) return;
    if (String(session.instance.subarray(0, PROFILE_BYTES)) === this.profile)
      return this.engine.log('another tab of this browser has an engine of its own');
    this.others.add(session);
    this.engine.log('this identity is in use on another device, too');
    this.engine.changed();
  }

  /** The other device has gone, or was only lost; there may also be a third. @param {Session} session */
  lost(session) {
    const known = this.others.has(session);
    this.end(session);
    if (known) this.call();
  }

  /** @param {Session} session */
  end(session) {
    clearTimeout(this.sessions.get(session));
    if (!this.sessions.delete(session)) return;
    void session.close();
    if (this.others.delete(session)) this.engine.changed();
  }

  stop() {
    for (const session of [...this.sessions.keys()]) this.end(session);
  }
}
