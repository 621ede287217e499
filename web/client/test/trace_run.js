/**
 * Runs a trace on a session and writes down the results in a form independent of how DATA is split. For the lines, see
 * tests/vectors/own_session.h.
 */
import { fromHex, toHex, utf8 } from '../core/bytes.js';
import { PairlinkError } from '../core/errors.js';
import { Link } from '../core/session/link.js';
import { Session } from '../core/session/session.js';
import { decode, frames } from '../core/wire.js';
import { FRAME, RECORD_PLAINTEXT_MAX } from '../wire_table.js';

const area = new Uint8Array(RECORD_PLAINTEXT_MAX);

/** The byte at each place depends on the place, so misplaced bytes are noticed. */
const byteOf = (channel, place) => (place * 7 + channel * 31 + 1) & 255;
function bytesOf(channel, place, size) {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = byteOf(channel, place + i);
  return bytes;
}
function isRight(channel, place, data) {
  for (let i = 0; i < data.length; i++) if (data[i] !== byteOf(channel, place + i)) return false;
  return true;
}

export class Run {
  constructor({ message_max, channel_window, session_window, epochs }) {
    this.out = [];
    this.epochs = epochs.map((hex) => BigInt(`0x${hex}`));
    /** @type {Map<number, Link>} */
    this.links = new Map();
    this.written = new Map();
    const config = { messageMax: message_max, channelWindow: channel_window, sessionWindow: session_window };
    this.session = new Session(config, this.host(), 5000);
  }
  say(line) {
    this.out.push(line);
  }
  host() {
    return {
      emit: (action) => this.told(action),
      reset: (link, reason) => this.say(`drop ${link.number} ${reason}`),
      newEpoch: () => this.epochs.shift() ?? 0xdeadn,
      linked: (link) => this.wasLinked || this.say(`linked ${link.number}`),
      peerClosed: (reason, text) => this.say(`peer_closed ${reason} ${text}`),
      closeEnded: (error) => this.say(`close_ended ${error ?? 'OK'}`),
    };
  }
  told({ type, channel, place, data, reason }) {
    if (type === 'message') {
      const right = isRight(channel, place - 1 - data.length, data);
      this.say(`message ${channel} ${data.length} place ${place}${right ? '' : ' WRONG BYTES'}`);
    } else if (type === 'volatile') this.say(`volatile ${channel} ${toHex(data)}`);
    else if (type === 'writable') this.say(`writable ${channel}`);
    else if (type === 'channel_reset') this.say(`channel_reset ${channel} reason ${reason} place ${place}`);
    else if (type === 'stream_reset') {
      this.written.clear();
      this.say(type);
    } else this.say(`${type} ${channel} place ${place}`);
  }

  // ---- what goes in ----

  step({ at, in: line }) {
    this.out = [];
    this.wasLinked = this.session.current !== null;
    this.session.now = at;
    const [what, ...rest] = line.split(' ');
    try {
      this[`do_${what}`](...rest);
    } catch (error) {
      if (!(error instanceof PairlinkError)) throw error;
      this.say(`error ${error.code}`);
      if (what === 'record') return this.out;
    }
    this.sendAll();
    return this.out;
  }
  do_up(number, side, size) {
    const opener = side === 'opener';
    const link = new Link(Number(number), opener, new Uint8Array(32), new Uint8Array(8), this.session.now);
    link.bySmaller = opener === (size === 'smaller');
    link.noise = /** @type {any} */ ({ nextCounter: 0, receivedCounter: -1 });
    link.window = 1 << 20;
    this.links.set(link.number, link);
    this.session.linkUp(link);
  }
  do_down(number) {
    this.session.linkDown(/** @type {Link} */ (this.links.get(Number(number))));
  }
  do_record(number, counter, hex = '') {
    const link = /** @type {any} */ (this.links.get(Number(number)));
    if (!this.session.links.includes(link)) return;
    link.noise.receivedCounter = Number(counter);
    this.session.record(link, fromHex(hex));
  }
  do_time() {
    if (this.session.now >= this.session.deadline()) this.session.time();
  }
  do_send(channel, size) {
    const place = this.session.send(+channel, bytesOf(+channel, this.written.get(channel) ?? 0, +size));
    this.written.set(channel, place);
    this.say(`place ${place}`);
  }
  do_finish(channel) {
    const place = this.session.finish(+channel);
    this.written.set(channel, place);
    this.say(`place ${place}`);
  }
  do_take(channel, place) {
    this.session.take(+channel, +place, this.session.generation);
  }
  do_priority(channel, priority) {
    this.session.setPriority(+channel, +priority);
  }
  do_reset(channel, reason) {
    this.session.resetChannel(+channel, +reason);
  }
  do_volatile(channel, hex) {
    this.session.sendVolatile(+channel, fromHex(hex));
  }
  do_close(reason, ...words) {
    this.session.startClose(+reason, utf8(words.join(' ')));
  }
  do_report() {
    this.session.reportLost();
  }

  // ---- the frames that come out ----

  sendAll() {
    this.data = null;
    this.acks = new Map();
    this.told_ = null;
    for (let link; (link = this.nextLink());) {
      const { size } = this.session.produce(link, area, area.length);
      if (!size) break;
      const noise = /** @type {any} */ (link.noise);
      noise.nextCounter++;
      for (const { type, body } of frames(area.subarray(0, size))) this.frame(link.number, type, body);
    }
    this.dataIsOver();
    if (!this.told_) return;
    const places = [...this.acks]
      .sort(([a], [b]) => a - b)
      .map(([channel, { received, taken, limit }]) => ` ${channel}:${received},${taken},${limit}`);
    this.say(`${this.told_} session ${this.sessionLimit}${places.join('')}`);
  }
  /** Writes what is due on the other links before the current one; the order is free. */
  nextLink() {
    const { links, current } = this.session;
    return links.find((link) => link.helloDue || (link.probeReply !== null && link !== current)) ?? current;
  }
  dataIsOver() {
    if (this.data)
      this.say(`data ${this.data.link} ${this.data.channel} ${this.data.from}-${this.data.to}${this.data.ends}`);
    this.data = null;
  }
  frame(link, type, body) {
    if (type !== FRAME.DATA && type !== FRAME.ACK && type !== FRAME.CREDIT) this.dataIsOver();
    if (type === FRAME.HELLO) {
      const places = decode('frame_hello', body)
        .channels.filter(({ received_to }) => received_to)
        .sort((a, b) => a.channel - b.channel)
        .map(({ channel, received_to, taken_to, limit }) => ` ${channel}:${received_to},${taken_to},${limit}`);
      this.say(`hello ${link} ${toHex(body.subarray(0, 36))}${places.join('')}`);
    } else if (type === FRAME.DATA) this.dataFrame(link, decode('frame_data', body));
    else if (type === FRAME.ACK) {
      const { counter, channels } = decode('frame_ack', body);
      this.told_ = `told ${link} counter ${BigInt.asIntN(64, counter)}`;
      for (const { channel, received_to: received, taken_to: taken } of channels)
        this.acks.set(channel, { received, taken });
    } else if (type === FRAME.CREDIT) {
      const { session_limit, channels } = decode('frame_credit', body);
      this.sessionLimit = session_limit;
      for (const { channel, limit } of channels) this.acks.get(channel).limit = limit;
    } else this.say(`frame ${link} ${type} ${toHex(body)}`);
  }
  dataFrame(link, { channel, flags, offset, bytes }) {
    const from = Number(offset);
    if (this.data?.link !== link || this.data.channel !== channel || this.data.to !== from) {
      this.dataIsOver();
      this.data = { link, channel, from, to: from, ends: '' };
    }
    this.data.to += bytes.length;
    if (flags & 1) this.data.ends += ` |${++this.data.to}`;
    if (flags & 2) this.data.ends += ` end ${++this.data.to}`;
    if (!isRight(channel, from, bytes)) this.data.ends += ' WRONG BYTES';
  }
}
