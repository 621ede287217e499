/**
 * A TCP proxy that records what passes through it, and cuts, stalls or half-closes connections on command.
 *
 *   const proxy = await startProxy(relay.port);
 *   proxy.port   proxy.ws   proxy.sent() (all bytes towards the relay)   proxy.received()
 *   proxy.cut()   proxy.stall()   proxy.resume()   proxy.halfClose()   proxy.refuse(true)   await proxy.stop()
 */
import { EventEmitter } from 'node:events';
import net from 'node:net';
import { once } from './process.js';

const HELD_MAX = 256 * 1024;

export class Proxy extends EventEmitter {
  constructor(target, { record = true } = {}) {
    super();
    this.target = target;
    this.record = record;
    this.pairs = new Set();
    /** For each connection, the chunks `sent` towards the relay and `received` from it. */
    this.recordings = [];
    this.stalled = false;
    this.refusing = false;
    this.connections = 0;
    this.server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.accept(client));
  }

  async listen(port = 0) {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
    this.ws = `ws://127.0.0.1:${this.port}`;
    this.http = `http://127.0.0.1:${this.port}`;
    return this;
  }

  /** @private */
  accept(client) {
    if (this.refusing) return client.resetAndDestroy();
    const relay = net.connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair = { client, relay, sent: [], received: [], held: [], heldBytes: 0 };
    this.pairs.add(pair);
    this.recordings.push(pair);
    this.connections += 1;
    const pass = (act, bytes = 0) => {
      if (!this.stalled) return act();
      pair.held.push(act);
      pair.heldBytes += bytes;
    };
    // Runs once per connection, when either side has ended it.
    const over = () => {
      if (!pair.over) this.emit('over', pair);
      pair.over = true;
    };
    const join = (from, to, log) => {
      from.on('data', (chunk) => {
        if (this.record) log.push(chunk);
        this.emit(log === pair.sent ? 'sent' : 'received', chunk);
        pass(() => {
          if (to.write(chunk)) return;
          from.pause();
          to.once('drain', () => from.resume());
        }, chunk.length);
        if (pair.heldBytes > HELD_MAX) from.pause(); // as when a network's buffers fill up
      });
      from.on('end', () => {
        over();
        pass(() => to.end());
      });
      from.on('error', () => {});
      from.on('close', () => {
        over();
        pass(() => {
          to.destroy();
          this.pairs.delete(pair);
        });
      });
    };
    join(client, relay, pair.sent);
    join(relay, client, pair.received);
    this.emit('connection', pair);
  }

  /** Returns all bytes that went towards the relay, over all connections. */
  sent() {
    return Buffer.concat(this.recordings.flatMap(({ sent }) => sent));
  }
  /** Returns all bytes that the relay sent. */
  received() {
    return Buffer.concat(this.recordings.flatMap(({ received }) => received));
  }

  /** Ends every connection at once. New ones are accepted unless refuse(true) was called. */
  cut() {
    for (const { client, relay } of this.pairs) {
      client.resetAndDestroy();
      relay.resetAndDestroy();
    }
  }
  /** Lets nothing pass any more, not even the end of a connection, like a network that has gone silent. */
  stall() {
    this.stalled = true;
  }
  resume() {
    this.stalled = false;
    for (const pair of this.pairs) {
      for (const act of pair.held.splice(0)) act();
      pair.heldBytes = 0;
      pair.client.resume();
      pair.relay.resume();
    }
  }
  /** Sends FIN towards the relay (or, with 'client', towards the client) and leaves the other direction open. */
  halfClose(side = 'relay') {
    for (const pair of this.pairs) pair[side].end();
  }
  refuse(yes = true) {
    this.refusing = yes;
  }

  async stop() {
    this.cut();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }
}

/** @param {number} target the relay's port  @param {{record?: boolean, port?: number}} [options] */
export const startProxy = (target, { record = true, port = 0 } = {}) => new Proxy(target, { record }).listen(port);
