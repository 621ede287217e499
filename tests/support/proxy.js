/**
 * A TCP proxy that records what passes, and cuts, stalls or half-closes on command.
 *
 *   const proxy = await startProxy(relay.port);
 *   proxy.port   proxy.ws   proxy.sent() (all bytes towards the relay)   proxy.received()
 *   proxy.cut()   proxy.stall()   proxy.resume()   proxy.halfClose()   proxy.refuse(true)   await proxy.stop()
 */
import { EventEmitter } from 'node:events';
import net from 'node:net';
import { once } from './process.js';

export class Proxy extends EventEmitter {
  constructor(target, { record = true } = {}) {
    super();
    this.target = target;
    this.record = record;
    this.pairs = new Set();
    /** One a connection: the chunks `sent` towards the relay and `received` from it. */
    this.recordings = [];
    this.stalled = false;
    this.refusing = false;
    this.connections = 0;
    this.server = net.createServer({ allowHalfOpen: true }, (client) => this.accept(client));
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
    const relay = net.connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { client, relay, sent: [], received: [] };
    this.pairs.add(pair);
    this.recordings.push(pair);
    this.connections += 1;
    const join = (from, to, log) => {
      from.on('data', (chunk) => {
        if (this.record) log.push(chunk);
        this.emit(log === pair.sent ? 'sent' : 'received', chunk);
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => this.stalled || from.resume());
        }
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
        this.emit('closed');
      });
    };
    join(client, relay, pair.sent);
    join(relay, client, pair.received);
    if (this.stalled) for (const socket of [client, relay]) socket.pause();
    this.emit('connection', pair);
  }

  /** All bytes that went towards the relay, over all connections. */
  sent() {
    return Buffer.concat(this.recordings.flatMap(({ sent }) => sent));
  }
  /** All bytes that the relay sent. */
  received() {
    return Buffer.concat(this.recordings.flatMap(({ received }) => received));
  }

  /** Ends every connection at once; new ones are taken, unless refuse(true) was called. */
  cut() {
    for (const { client, relay } of this.pairs) {
      client.resetAndDestroy();
      relay.resetAndDestroy();
    }
  }
  /** Nothing passes any more, nothing is closed: a network that went silent. */
  stall() {
    this.stalled = true;
    for (const { client, relay } of this.pairs) {
      client.pause();
      relay.pause();
    }
  }
  resume() {
    this.stalled = false;
    for (const { client, relay } of this.pairs) {
      client.resume();
      relay.resume();
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
