/** A session as the application sees it: messages, receipts, streams. The engine decides; this hands over. */
import {
  checkBoolean,
  checkChannel,
  checkKeys,
  checkMessage,
  checkReason,
  checkText,
  checkWhole,
} from './core/check.js';
import { PairlinkError } from './core/errors.js';
import { reasonName } from './core/wire.js';
import { Emitter } from './emitter.js';
import { Inbox } from './inbox.js';
import { readableOf, writableOf } from './streams.js';

/** @typedef {import('./core/check.js').Bytes} Bytes */
/** @typedef {import('./core/errors.js').ErrorCode} ErrorCode */
/** @typedef {{place: number, delivered: Promise<void>}} Receipt */
/** @typedef {{place: number, resolve: () => void, reject: (error: Error) => void}} Waiting */

/**
 * @typedef {{
 *   linked: {},
 *   unlinked: {reason: string, retryAt: number | null},
 *   message: {channel: number, data: Uint8Array, taken: () => void},
 *   volatile: {channel: number, data: Uint8Array},
 *   end: {channel: number},
 *   delivered: {channel: number, place: number},
 *   lost: {channel: number, place: number},
 *   channelReset: {channel: number, reason: string},
 *   reset: {},
 *   closed: {error: ErrorCode | null, reason: string, text: string},
 * }} SessionEvents
 */

/** @extends {Emitter<SessionEvents>} */
export class Session extends Emitter {
  /** @param {import('./client.js').Client} client @param {number} number
   * @param {{id: string, instance: Uint8Array, application: string, name: string}} peer */
  constructor(client, number, peer) {
    super(['linked', 'unlinked', 'message', 'volatile', 'end', 'delivered', 'lost', 'channelReset', 'reset', 'closed']);
    /** @private */
    this.client = client;
    /** @private */
    this.number = number;
    /** Of the other side. */
    this.id = peer.id;
    this.instance = peer.instance;
    this.application = peer.application;
    this.name = peer.name;
    /** @type {'dialing' | 'linked' | 'waiting' | 'closed'} */
    this.state = 'dialing';
    /**
     * @private @type {Map<number, {bytes: Uint8Array | null, resolve: (r: Receipt) => void, reject: (e: Error) =>
     * void}[]>}
     */
    this.queues = new Map();
    /** @private @type {Map<number, Waiting[]>} */
    this.receipts = new Map();
    /** @private @type {Map<number, Inbox>} */
    this.inboxes = new Map();
    /** @private @type {Map<number, Channel>} */
    this.channels = new Map();
    /** @private @type {PairlinkError | null} */
    this.error = null;
    /** @private */
    this.closing = false;
    /** @private @type {(why: SessionEvents['closed']) => void} */
    this.resolveClosed = () => {};
    /** Resolves when the session is over.
     * @type {Promise<SessionEvents['closed']>} */
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  // ---- sending -----------------------------------------------------------------------------------------

  /**
   * Resolves once the engine took the message, which waits while the window is full: await it, and no more piles up
   * than the window holds. `delivered` resolves when the other application took it, and rejects when it never will.
   * @param {Bytes | string} data
   * @param {{channel?: number, take?: boolean}} [options] take: the bytes are the session's from now on; else they are
   * copied
   * @returns {Promise<Receipt>} rejects with EINVAL for what cannot be sent
   */
  async send(data, options = {}) {
    checkKeys(options, ['channel', 'take'], 'options of send');
    const { channel = 0, take = false } = options;
    return this.enqueue(checkChannel(channel), checkMessage(data, checkBoolean(take, 'take')));
  }
  /** The end of this side's direction; the other side reads on to it.
   * @param {number} [channel]
   * @returns {Promise<Receipt>} */
  async finish(channel = 0) {
    return this.enqueue(checkChannel(channel), null);
  }
  /** Outside of order, may be dropped; false when it was at once.
   * @param {Bytes | string} data @param {{channel?: number}} [options] */
  sendVolatile(data, options = {}) {
    checkKeys(options, ['channel'], 'options of sendVolatile');
    const channel = checkChannel(options.channel ?? 0);
    const bytes = checkMessage(data, false);
    return this.state !== 'closed' && this.step('send_volatile', { channel, data: bytes }) === 1;
  }
  /** 0 goes first, 7 last, 4 by default. @param {number} channel @param {number} priority */
  setPriority(channel, priority) {
    this.step('priority', { channel: checkChannel(channel), value: checkWhole(priority, 0, 7, 'a priority') });
  }
  /** Gives up this side's direction of a channel: what was not sent yet never is.
   * @param {number} channel @param {string | number} [reason] */
  resetChannel(channel, reason = 'CLOSED') {
    this.step('channel_reset', { channel: checkChannel(channel), value: checkReason(reason) });
    this.failQueue(channel, new PairlinkError('ESTATE', 'given up'));
  }
  /** Ends the session for both at once; to have everything delivered first, await `delivered` of the last message.
   * @param {string | number} [reason] a name such as 'REFUSED'
   * @param {string} [text]
   * @returns {Promise<{error: ErrorCode | null, reason: string, text: string}>} when it is over */
  async close(reason = 'CLOSED', text = '') {
    const value = checkReason(reason);
    checkText(text, 'a text');
    if (this.state !== 'closed' && !this.closing) {
      this.closing = true;
      this.step('close', { value, text });
    }
    return this.closed;
  }

  /** Bytes of the largest message that can be sent: no more than either side takes; before the first 'linked', than this
   * side does. */
  get messageMax() {
    return this.state === 'closed' ? 0 : this.client.messageMax(this.number);
  }

  // ---- streams -----------------------------------------------------------------------------------------

  /** A channel with its streams. @param {number} number @returns {Channel} */
  channel(number) {
    checkChannel(number);
    let channel = this.channels.get(number);
    if (!channel) this.channels.set(number, (channel = new Channel(this, number)));
    return channel;
  }
  /** The bytes that come on channel 0; reading makes room at the sender. */
  get readable() {
    return this.channel(0).readable;
  }
  /** Channel 0 as a sink; closing it waits until the other side took everything. */
  get writable() {
    return this.channel(0).writable;
  }

  /** Also hands over what came before anyone listened.
   * @template {keyof SessionEvents} K
   * @param {K} name @param {(event: SessionEvents[K]) => void} fn */
  on(name, fn) {
    const off = super.on(name, fn);
    if (name === 'message' || name === 'end') queueMicrotask(() => this.inboxes.forEach((inbox) => inbox.drain()));
    return off;
  }

  // ---- inside ------------------------------------------------------------------------------------------

  /** @param {import('./core/engine/engine.js').EngineEvent['type']} type
   * @param {{channel?: number, value?: number, place?: number, generation?: number, data?: Uint8Array, text?: string}}
   * fields
   * @private */
  step(type, { channel, value, place, generation, data, text }) {
    if (this.error) throw this.error;
    return this.client.step({ type, session: this.number, channel, value, place, generation, data, text });
  }
  /** @param {number} channel @param {Uint8Array | null} bytes null: the end
   * @returns {Promise<Receipt>} @private */
  enqueue(channel, bytes) {
    return new Promise((resolve, reject) => {
      const queue = this.queues.get(channel);
      if (queue?.length) {
        queue.push({ bytes, resolve, reject });
        return;
      }
      try {
        resolve(this.hand(channel, bytes));
      } catch (error) {
        if (!(error instanceof PairlinkError) || error.code !== 'EAGAIN') return reject(error);
        this.queues.set(channel, [{ bytes, resolve, reject }]);
      }
    });
  }
  /** @param {number} channel @param {Uint8Array | null} bytes @returns {Receipt} @private */
  hand(channel, bytes) {
    const place = bytes ? this.step('send', { channel, data: bytes }) : this.step('finish', { channel });
    /** @type {Promise<void>} */
    const delivered = new Promise((resolve, reject) => {
      const waiting = this.receipts.get(channel);
      if (waiting) waiting.push({ place, resolve, reject });
      else this.receipts.set(channel, [{ place, resolve, reject }]);
    });
    delivered.catch(() => {}); // whoever does not look at it need not catch it
    return { place, delivered };
  }
  /** The window opened. @private */
  retry() {
    for (const [channel, queue] of this.queues) {
      while (queue.length) {
        const { bytes, resolve, reject } = queue[0];
        try {
          resolve(this.hand(channel, bytes));
        } catch (error) {
          if (error instanceof PairlinkError && error.code === 'EAGAIN') break;
          reject(/** @type {Error} */ (error));
        }
        queue.shift();
      }
    }
  }
  /** @param {number} channel @param {PairlinkError} error @private */
  failQueue(channel, error) {
    for (const { reject } of this.queues.get(channel) ?? []) reject(error);
    this.queues.delete(channel);
  }
  /** @param {number} channel */
  inbox(channel) {
    let inbox = this.inboxes.get(channel);
    if (!inbox) this.inboxes.set(channel, (inbox = new Inbox(this, channel)));
    return inbox;
  }
  /** The application took all below. @param {number} channel @param {number} place @param {number} generation */
  taken(channel, place, generation) {
    if (this.state !== 'closed') this.step('take', { channel, place, generation });
  }
  /** @param {number} channel @param {Uint8Array} data @param {() => void} taken */
  showMessage(channel, data, taken) {
    this.emit('message', { channel, data, taken });
    if (!this.client.manualTake) taken();
  }
  /** @param {number} channel */
  showEnd(channel) {
    this.emit('end', { channel });
  }
  /** @param {import('./core/engine/actions.js').Action} action */
  act(action) {
    const channel = action.channel ?? 0;
    const place = action.place ?? 0;
    const generation = action.generation ?? 0;
    switch (action.type) {
      case 'linked':
        this.state = 'linked';
        this.instance = action.instance ?? this.instance;
        this.application = action.text ?? '';
        this.name = action.name ?? '';
        return this.emit('linked', {});
      case 'unlinked':
        if (this.state === 'linked') this.state = 'waiting';
        return this.emit('unlinked', {
          reason: reasonName(action.reason ?? 0),
          retryAt: this.client.wallTime(action.time),
        });
      case 'message':
        return this.inbox(channel).put({ data: /** @type {Uint8Array} */ (action.data), place, generation });
      case 'end':
        return this.inbox(channel).put({ data: null, place, generation });
      case 'volatile':
        return this.emit('volatile', { channel, data: /** @type {Uint8Array} */ (action.data) });
      case 'writable':
        return this.retry();
      case 'delivered':
        return this.delivered(channel, place);
      case 'lost':
        return this.lost(channel, place);
      case 'channel_reset':
        this.inbox(channel).cutOff(
          place,
          generation,
          new PairlinkError('ECLOSED', 'the other side gave the channel up'),
        );
        return this.emit('channelReset', { channel, reason: reasonName(action.reason ?? 0) });
      case 'stream_reset':
        return this.streamReset();
      case 'session_closed':
        return this.end(action);
    }
  }
  /** @param {number} channel @param {number} place @private */
  delivered(channel, place) {
    const waiting = this.receipts.get(channel) ?? [];
    let n = 0;
    while (n < waiting.length && waiting[n].place <= place) waiting[n++].resolve();
    waiting.splice(0, n);
    this.emit('delivered', { channel, place });
  }
  /** @param {number} channel @param {number} place @private */
  lost(channel, place) {
    const waiting = this.receipts.get(channel) ?? [];
    const i = waiting.findIndex((one) => one.place === place);
    if (i >= 0) waiting.splice(i, 1)[0].reject(new PairlinkError('ELOST'));
    this.emit('lost', { channel, place });
  }
  /** Places begin at 0 again. @private */
  streamReset() {
    const error = new PairlinkError('ELOST');
    this.failReceipts(error);
    for (const inbox of this.inboxes.values()) inbox.fail(error);
    this.inboxes.clear();
    this.channels.clear();
    this.emit('reset', {});
    this.retry();
  }
  /** @param {PairlinkError} error @private */
  failReceipts(error) {
    for (const waiting of this.receipts.values()) for (const { reject } of waiting) reject(error);
    this.receipts.clear();
  }
  /** @param {import('./core/engine/actions.js').Action} action @private */
  end({ error = null, reason = 0, text = '' }) {
    this.state = 'closed';
    this.error = new PairlinkError(error ?? 'ECLOSED');
    this.failReceipts(this.error);
    for (const channel of [...this.queues.keys()]) this.failQueue(channel, this.error);
    for (const inbox of this.inboxes.values()) inbox.fail(this.error);
    const why = { error, reason: reasonName(reason), text };
    this.resolveClosed(why);
    this.emit('closed', why);
  }
}

/** One channel of a session. */
export class Channel {
  /** @param {Session} session @param {number} number */
  constructor(session, number) {
    this.session = session;
    this.number = number;
    /** @private @type {ReadableStream<Uint8Array> | undefined} */
    this.in = undefined;
    /** @private @type {WritableStream<Bytes | string> | undefined} */
    this.out = undefined;
  }
  get readable() {
    this.in ??= readableOf(this.session.inbox(this.number));
    return this.in;
  }
  get writable() {
    this.out ??= writableOf(this.session, this.number);
    return this.out;
  }
  /** @param {Bytes | string} data */
  send(data) {
    return this.session.send(data, { channel: this.number });
  }
  finish() {
    return this.session.finish(this.number);
  }
  /** @param {number} priority */
  setPriority(priority) {
    this.session.setPriority(this.number, priority);
  }
}
