/**
 * Joins tabs to the engine. A tab is a port: an object with `post(message)`. Messages from a tab: `{seq, cmd, args}`,
 * answered by `{seq, value}` or `{seq, error}`; to all tabs: `{state}` (whole, at most once a turn) and
 * `{messages: {contact, list}}`.
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
      if (this.ports.size > 0) this.broadcast({ state: engine.state() });
    });
  }

  broadcast(message) {
    for (const port of this.ports) port.post(message);
  }

  /** Takes one message of a tab. */
  async receive(port, { seq, cmd, args = {} }) {
    if (cmd === 'bye') return void this.ports.delete(port);
    this.ports.add(port);
    try {
      if (!Object.hasOwn(commands, cmd)) throw new Error(`no command ${cmd}`);
      const engine = await this.engine;
      if (cmd !== 'hello') await engine.started;
      port.post({ seq, value: await commands[cmd](engine, args) });
    } catch (error) {
      port.post({ seq, error: { code: error?.code ?? error?.name ?? 'Error', text: String(error?.message ?? error) } });
    }
  }
}
