/**
 * Connects tabs to the engine. A tab is a port: an object with `post(message)`.
 *
 * A tab sends `{seq, cmd, args}` and gets `{seq, value}` or `{seq, error}`. Two of these get no answer: `bye`
 * says that the tab goes away, `look` whether it is visible. All tabs get `{state}`, all of it, and `{messages:
 * {contact, list, gone}}`, both at most once per frame and before the answer of a command. They get `{files}`,
 * the progress of files, `{renewed}` when another identity took over, and `{deleted}` when all was deleted.
 * While no tab is visible, one of them gets `{news: {contact, text}}`.
 */
import { commands } from './commands.js';
import { asError, codeOf } from './errors.js';

/** @typedef {import('./types.js').Engine} Engine */
/** The least time between two reports to the tabs: they draw no more often. */
const FRAME_MS = 16;

/** @typedef {import('./types.js').Message} Message */
/** @typedef {import('./types.js').Port} Port */
/** @typedef {import('./types.js').ToTab} ToTab */

/** Every command takes the engine and its arguments, which come from another context. */
const known = /** @type {Record<string, (engine: Engine, args: any) => unknown>} */ (commands);

export class Host {
  constructor() {
    /** @type {Set<Port>} */
    this.ports = new Set();
    this.stateDue = false;
    /**
     * Messages that the tabs do not know yet, by contact and number. null: it was deleted.
     * @type {Map<string, Map<number, Message | null>>}
     */
    this.messagesDue = new Map();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.toldAt = 0;
    /** @type {Promise<Engine> | null} */
    this.engine = null;
    /** @type {import('./types.js').Tell} */
    this.tell = {
      state: () => this.tellState(),
      messages: (contact, list, gone) => this.tellMessages(contact, list, gone),
      renewed: () => this.broadcast({ renewed: true }),
      deleted: () => this.broadcast({ deleted: true }),
      files: (files) => this.broadcast({ files }),
      news: (contact, text) => this.tellNews({ contact, text }),
    };
  }

  /** @param {Promise<Engine>} engine */
  use(engine) {
    this.engine = engine;
    engine.catch(() => {}); // every command reports it
  }

  tellState() {
    this.stateDue = true;
    this.tellSoon();
  }

  /** @param {string} contact @param {Message[]} list @param {number[]} [gone] */
  tellMessages(contact, list, gone = []) {
    const due = this.messagesDue.get(contact) ?? new Map();
    for (const message of list) due.set(message.n, message);
    for (const n of gone) due.set(n, null);
    this.messagesDue.set(contact, due);
    this.tellSoon();
  }

  /** Tells what is due, in this turn if nothing was told lately. What comes in a burst is told together. */
  tellSoon() {
    this.timer ??= setTimeout(
      async () => this.tellNow(await this.engine),
      Math.max(0, this.toldAt + FRAME_MS - performance.now()),
    );
  }

  /** Tells what is due: messages, and the state. @param {Engine | null} engine */
  tellNow(engine) {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.toldAt = performance.now();
    const messages = this.messagesDue;
    this.messagesDue = new Map();
    for (const [contact, due] of messages) {
      const gone = [...due.keys()].filter((n) => due.get(n) === null);
      this.broadcast({ messages: { contact, list: [...due.values()].filter((one) => one !== null), gone } });
    }
    if (!this.stateDue) return;
    this.stateDue = false;
    if (engine && this.ports.size > 0) this.broadcast({ state: this.stateOf(engine) });
  }

  /** @param {Engine} engine @returns {import('./types.js').State} */
  stateOf(engine) {
    return { ...engine.state(), tabs: this.ports.size };
  }

  /** @param {{contact: string, text: string}} news */
  tellNews(news) {
    const ports = [...this.ports];
    if (!ports.some(({ hidden }) => !hidden)) ports.at(-1)?.post({ news });
  }

  /** @param {ToTab} message */
  broadcast(message) {
    for (const port of this.ports) port.post(message);
  }

  /** Handles one message of a tab. @param {Port} port @param {import('./types.js').FromTab} message */
  async receive(port, { seq, cmd, args = {} }) {
    if (cmd === 'bye') {
      this.ports.delete(port);
      await this.engine?.then(
        () => this.tellState(),
        () => {},
      );
      return;
    }
    this.ports.add(port);
    if (cmd === 'look') {
      port.hidden = args.hidden;
      return;
    }
    try {
      port.post({ seq, value: await this.run(cmd, args) });
    } catch (error) {
      port.post({ seq, error: { code: codeOf(error), text: String(asError(error).message ?? error) } });
    }
  }

  /** Runs one command and returns its answer. @param {string} cmd @param {any} args */
  async run(cmd, args) {
    if (!Object.hasOwn(known, cmd)) throw new Error(`no command ${cmd}`);
    const engine = await this.engine;
    if (!engine) throw new Error('no engine');
    if (cmd !== 'hello') {
      await engine.started;
      const value = await known[cmd](engine, args);
      this.tellNow(engine); // what the command made is known to the tab before it goes there
      return value;
    }
    await commands.hello(engine, args);
    this.tellState(); // the number of tabs changed
    return this.stateOf(engine);
  }
}
