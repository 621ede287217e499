/**
 * A session as the application sees it: messages, receipts and streams. It passes the application's calls to the engine
 * and turns the engine's actions into events and promises.
 */
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
import { Fifo } from './core/fifo.js';
import { reasonName } from './core/wire.js';
import { Emitter } from './emitter.js';
import { Inbox } from './inbox.js';
import { readableOf, writableOf } from './streams.js';

/** @typedef {import('./core/check.js').Bytes} Bytes */
/** @typedef {import('./core/errors.js').ErrorCode} ErrorCode */
/**
 * Returned for each message or end that is sent. `place` is its position on the channel: the bytes of all messages up
 * to and including this one, plus one for each end.
 * @typedef {{place: number, delivered: Promise<void>}} Receipt
 */
/** @typedef {{place: number, resolve: () => void, reject: (error: Error) => void}} Waiting */
/** @typedef {{bytes: Uint8Array | null, resolve: (receipt: Receipt) => void, reject: (error: Error) => void}} Queued
 *   `bytes` is null for the end of the channel */

/**
 * `retryAt` is a Unix time in ms, or null when the session does not dial by itself. Each received `data` is the
 * listener's own. `error` is null when the session ended without one.
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

/** @type {ReadonlySet<keyof SessionEvents>} */
const EVENTS = new Set(
  /** @type {const} */ ([
    ...['linked', 'unlinked', 'message', 'volatile', 'end', 'delivered', 'lost', 'channelReset', 'reset', 'closed'],
  ]),
);

/** Made by `Client`: by its `connect`, its 'session' event, or a code. Lasts over any number of lost links until
 * 'closed'.
 * @extends {Emitter<SessionEvents>} */
export class Session extends Emitter {
  /** @param {import('./client.js').Client} client @param {number} number
   * @param {{id: string, instance: Uint8Array, application: string, name: string}} peer */
  constructor(client, number, peer) {
    super(EVENTS);
    /** @private */
    this.client = client;
    /** @private */
    this.number = number;
    /** The other side's ID as text. The three that follow are the other side's, too; they are empty (the instance zero)
     * until it is known what it says about itself. */
    this.id = peer.id;
    this.instance = peer.instance;
    this.application = peer.application;
    this.name = peer.name;
    /** @type {'dialing' | 'linked' | 'waiting' | 'closed'} */
    this.state = 'dialing';
    /** @private By channel: what waits for the window to open. @type {Map<number, Fifo<Queued>>} */
    this.queues = new Map();
    /** @private By channel: the receipts that are not settled. @type {Map<number, Fifo<Waiting>>} */
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
    /** Resolves when the session is over, and never rejects.
     * @type {Promise<SessionEvents['closed']>} */
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  // ---- sending -----------------------------------------------------------------------------------------

  /**
   * Sends a message. The promise resolves once the message is in the send window; await it, so that no more than a
   * window piles up. Its `delivered` resolves when the other application has taken the message, and rejects with ELOST
   * when the other side lost its state, or with the session's error when the session ends first.
   * @param {Bytes | string} data a string is sent as UTF-8
   * @param {{channel?: number, take?: boolean}} [options] `channel` is 0 by default. With `take` the bytes belong to
   *   the session from now on and must not be changed; otherwise they are copied.
   * @returns {Promise<Receipt>} rejects with EINVAL for wrong arguments, EMSGSIZE for a message above `messageMax`,
   *   ESTATE after `finish` or `resetChannel`, and with the session's error when it is closed
   */
  async send(data, options = {}) {
    checkKeys(options, ['channel', 'take'], 'options of send');
    const { channel = 0, take = false } = options;
    return this.enqueue(checkChannel(channel), checkMessage(data, checkBoolean(take, 'take')));
  }
  /** Ends this side's direction of a channel, after all that was sent on it. The other side gets 'end' in its place.
   * @param {number} [channel]
   * @returns {Promise<Receipt>} as of `send` */
  async finish(channel = 0) {
    return this.enqueue(checkChannel(channel), null);
  }
  /** Sends a message that may be lost and is not in order with the others. Returns false when it was dropped right
   * away, as while there is no link. Throws EMSGSIZE above 32,768 bytes.
   * @param {Bytes | string} data @param {{channel?: number}} [options]
   * @returns {boolean} */
  sendVolatile(data, options = {}) {
    checkKeys(options, ['channel'], 'options of sendVolatile');
    const channel = checkChannel(options.channel ?? 0);
    const bytes = checkMessage(data, false);
    return this.state !== 'closed' && this.step('send_volatile', { channel, data: bytes }) === 1;
  }
  /** Sets in which order channels send: 0 first to 7 last, 4 by default. @param {number} channel
   * @param {number} priority */
  setPriority(channel, priority) {
    this.step('priority', { channel: checkChannel(channel), value: checkWhole(priority, 0, 7, 'a priority') });
  }
  /** Gives up this side's direction of a channel: messages that were not sent yet are discarded.
   * @param {number} channel @param {string | number} [reason] a name such as 'REFUSED', or its number */
  resetChannel(channel, reason = 'CLOSED') {
    this.step('channel_reset', { channel: checkChannel(channel), value: checkReason(reason) });
    this.failQueue(channel, new PairlinkError('ESTATE', 'the channel was reset'));
  }
  /** Ends the session for both sides without waiting for delivery. To have everything delivered first, await the
   * `delivered` of each channel's last message.
   * @param {string | number} [reason] a name such as 'REFUSED', or its number; the other side sees it
   * @param {string} [text] at most 123 bytes as UTF-8, longer ones are cut; the other side sees it
   * @returns {Promise<{error: ErrorCode | null, reason: string, text: string}>} resolves when the session is over */
  async close(reason = 'CLOSED', text = '') {
    const value = checkReason(reason);
    checkText(text, 'a text');
    if (this.state !== 'closed' && !this.closing) {
      this.closing = true;
      this.step('close', { value, text });
    }
    return this.closed;
  }

  /** The bytes of the largest message that can be sent: the smaller of the two sides' limits, or this side's own before
   * the first 'linked'; 0 when closed. */
  get messageMax() {
    return this.state === 'closed' ? 0 : this.client.messageMax(this.number);
  }

  // ---- streams -----------------------------------------------------------------------------------------

  /** Returns a channel and its streams. After 'reset', ask for it again. @param {number} number 0 to 254
   * @returns {Channel} */
  channel(number) {
    checkChannel(number);
    let channel = this.channels.get(number);
    if (!channel) this.channels.set(number, (channel = new Channel(this, number)));
    return channel;
  }
  /** The bytes received on channel 0. The sender waits while nothing is read. */
  get readable() {
    return this.channel(0).readable;
  }
  /** Writes to channel 0. Closing it waits until the other application has taken everything. */
  get writable() {
    return this.channel(0).writable;
  }

  /** As `Emitter.on`; a new listener of 'message' or 'end' also gets what arrived before there was one.
   * @template {keyof SessionEvents} K
   * @param {K} name @param {(event: SessionEvents[K]) => void} fn
   * @returns {() => void} removes the listener */
  on(name, fn) {
    const off = super.on(name, fn);
    if (name === 'message' || name === 'end') queueMicrotask(() => this.inboxes.forEach((inbox) => inbox.drain()));
    return off;
  }

  // ---- internal ----------------------------------------------------------------------------------------

  /** @param {import('./core/engine/engine.js').EngineEvent['type']} type
   * @param {{channel?: number, value?: number, place?: number, generation?: number, data?: Uint8Array, text?: string}}
   * fields
   * @private */
  step(type, { channel, value, place, generation, data, text }) {
    if (this.error) throw this.error;
    return this.client.step({ type, session: this.number, channel, value, place, generation, data, text });
  }
  /** Hands a message to the engine, or queues it while the window is full.
   * @param {number} channel @param {Uint8Array | null} bytes null for the end of the channel
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
        itemsOf(this.queues, channel).push({ bytes, resolve, reject });
      }
    });
  }
  /** Throws EAGAIN while the window is full. @param {number} channel @param {Uint8Array | null} bytes
   * @returns {Receipt} @private */
  hand(channel, bytes) {
    const place = bytes ? this.step('send', { channel, data: bytes }) : this.step('finish', { channel });
    /** @type {Promise<void>} */
    const delivered = new Promise((resolve, reject) => {
      itemsOf(this.receipts, channel).push({ place, resolve, reject });
    });
    delivered.catch(() => {}); // an application that ignores it must not get an unhandled rejection
    return { place, delivered };
  }
  /** Sends what waited for the window to open. @private */
  sendQueued() {
    for (const [channel, queue] of this.queues) {
      for (let first; (first = queue.first); queue.shift()) {
        const { bytes, resolve, reject } = first;
        try {
          resolve(this.hand(channel, bytes));
        } catch (error) {
          if (error instanceof PairlinkError && error.code === 'EAGAIN') break;
          reject(/** @type {Error} */ (error));
        }
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
  /** Tells the engine that the application has taken everything up to a place.
   * @param {number} channel @param {number} place @param {number} generation */
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
        return this.sendQueued();
      case 'delivered':
        return this.delivered(channel, place);
      case 'lost':
        return this.lost(channel, place);
      case 'channel_reset':
        this.inbox(channel).cutOff(place, generation, new PairlinkError('ECLOSED', 'the other side reset the channel'));
        return this.emit('channelReset', { channel, reason: reasonName(action.reason ?? 0) });
      case 'stream_reset':
        return this.streamReset();
      case 'session_closed':
        return this.end(action);
    }
  }
  /** @param {number} channel @param {number} place @private */
  delivered(channel, place) {
    const waiting = itemsOf(this.receipts, channel);
    for (let first; (first = waiting.first) && first.place <= place; waiting.shift()) first.resolve();
    this.emit('delivered', { channel, place });
  }
  /** The engine reports what is lost in the order in which it was sent.
   * @param {number} channel @param {number} place @private */
  lost(channel, place) {
    const waiting = itemsOf(this.receipts, channel);
    if (waiting.first?.place === place) waiting.shift()?.reject(new PairlinkError('ELOST'));
    this.emit('lost', { channel, place });
  }
  /** One side lost its state: the channels start again, and their places at 0. @private */
  streamReset() {
    const error = new PairlinkError('ELOST');
    this.failReceipts(error);
    for (const inbox of this.inboxes.values()) inbox.fail(error);
    this.inboxes.clear();
    this.channels.clear();
    this.emit('reset', {});
    this.sendQueued();
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

/** @template T @param {Map<number, Fifo<T>>} map @param {number} channel */
function itemsOf(map, channel) {
  let items = map.get(channel);
  if (!items) map.set(channel, (items = new Fifo()));
  return items;
}

/** One channel of a session. Its methods are those of the session, for this channel. */
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
