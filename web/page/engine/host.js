/**
 * Joins tabs to the engine. A tab is a port: an object with `post(message)`. Messages from a tab: `{seq, cmd, args}`,
 * answered by `{seq, value}` or `{seq, error}`; to all tabs: `{state}` (whole, at most once a turn) and
 * `{messages: {contact, list}}`, `{files}`: how files go, and `{renewed}` when another identity took over; to one of
 * them, while none is looked at: `{news: {contact, text}}`. `bye` and `look` are not answered: a tab goes, and a tab
 * says whether it is in sight.
 */
import { commands } from './commands.js';

export class Host {
  constructor() {
    this.ports = new Set();
    this.stateDue = false;
    this.engine = null;
    /** What an engine calls to reach the tabs. */
    this.tell = {
      state: () => this.tellState(),
      messages: (contact, list) => this.broadcast({ messages: { contact, list } }),
      renewed: () => this.broadcast({ renewed: true }),
      files: (files) => this.broadcast({ files }),
      news: (contact, text) => this.tellNews({ contact, text }),
    };
  }

  /** @param {Promise<import('./engine.js').Engine>} engine */
  use(engine) {
    this.engine = engine;
    engine.catch(() => {}); // each command reports it
  }

  tellState() {
    if (this.stateDue) return;
    this.stateDue = true;
    queueMicrotask(async () => {
      this.stateDue = false;
      const engine = await this.engine;
      if (this.ports.size > 0) this.broadcast({ state: this.stateOf(engine) });
    });
  }

  stateOf(engine) {
    return { ...engine.state(), tabs: this.ports.size };
  }

  tellNews(news) {
    const ports = [...this.ports];
    if (!ports.some(({ hidden }) => !hidden)) ports.at(-1)?.post({ news });
  }

  broadcast(message) {
    for (const port of this.ports) port.post(message);
  }

  async hello(engine, args) {
    await commands.hello(engine, args);
    this.tellState(); // there is one tab more
    return this.stateOf(engine);
  }

  /** Takes one message of a tab. */
  async receive(port, { seq, cmd, args = {} }) {
    if (cmd === 'bye') {
      this.ports.delete(port);
      return this.engine.then(
        () => this.tellState(),
        () => {},
      );
    }
    this.ports.add(port);
    if (cmd === 'look') {
      port.hidden = args.hidden;
      return undefined;
    }
    try {
      if (!Object.hasOwn(commands, cmd)) throw new Error(`no command ${cmd}`);
      const engine = await this.engine;
      if (cmd !== 'hello') await engine.started;
      port.post({ seq, value: cmd === 'hello' ? await this.hello(engine, args) : await commands[cmd](engine, args) });
    } catch (error) {
      port.post({ seq, error: { code: error?.code ?? error?.name ?? 'Error', text: String(error?.message ?? error) } });
    }
  }
}
