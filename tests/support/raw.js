/**
 * Bytes on a socket, without any library that would refuse to send them: HTTP requests as strings, WebSocket frames
 * with every bit free.
 */
import { EventEmitter } from 'node:events';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { PATIENCE_MS, once, within } from './process.js';

/** A socket with all it received, and waits for what shall come. */
export class RawSocket extends EventEmitter {
  constructor(socket) {
    super();
    this.socket = socket;
    this.data = Buffer.alloc(0);
    this.closed = false;
    socket.on('data', (chunk) => {
      this.data = Buffer.concat([this.data, chunk]);
      this.emit('change');
    });
    socket.on('end', () => {
      this.ended = true;
      this.emit('change');
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      this.emit('change');
    });
  }

  send(data) {
    if (!this.socket.destroyed) this.socket.write(data);
    return this;
  }

  /** Waits until `test(this)` is true. */
  when(test, what, ms = PATIENCE_MS) {
    let check;
    const promise = new Promise((done) => {
      check = () => test(this) && done(this);
      this.on('change', check);
      check();
    });
    return within(
      promise,
      () => `${what}; got ${JSON.stringify(this.data.toString('latin1').slice(0, 400))}`,
      ms,
    ).finally(() => this.off('change', check));
  }

  /** Waits until the other side ended the connection (FIN or RST); returns all it said. */
  async whenClosed(ms) {
    await this.when((s) => s.ended || s.closed, 'end of connection', ms);
    return this.data;
  }

  /** Takes one HTTP response head out of what came: `{status, headers, head}`. */
  async response(ms) {
    await this.when((s) => s.data.includes('\r\n\r\n') || s.ended || s.closed, 'HTTP response', ms);
    const end = this.data.indexOf('\r\n\r\n');
    if (end < 0) return { status: 0, headers: {}, head: this.data.toString('latin1') };
    const head = this.data.subarray(0, end).toString('latin1');
    this.data = this.data.subarray(end + 4);
    const [line, ...rest] = head.split('\r\n');
    const headers = {};
    for (const row of rest)
      headers[row.slice(0, row.indexOf(':')).toLowerCase()] = row.slice(row.indexOf(':') + 1).trim();
    return { status: Number(line.split(' ')[1]), headers, head };
  }

  /** Takes one WebSocket frame out of what came: `{fin, rsv, opcode, masked, payload}`, or null at the end. */
  async frame(ms) {
    const size = () => {
      const d = this.data;
      if (d.length < 2) return null;
      const masked = (d[1] & 0x80) !== 0;
      let length = d[1] & 0x7f;
      let head = 2;
      if (length === 126) {
        if (d.length < 4) return null;
        length = d.readUInt16BE(2);
        head = 4;
      } else if (length === 127) {
        if (d.length < 10) return null;
        length = Number(d.readBigUInt64BE(2));
        head = 10;
      }
      if (masked) head += 4;
      return d.length >= head + length ? { head, length, masked } : null;
    };
    await this.when((s) => size() || s.ended || s.closed, 'WebSocket frame', ms);
    const found = size();
    if (!found) return null;
    const first = this.data[0];
    const payload = Buffer.from(this.data.subarray(found.head, found.head + found.length));
    this.data = this.data.subarray(found.head + found.length);
    return { fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7, opcode: first & 15, masked: found.masked, payload };
  }

  /** Reads on until a close frame came (its code; 1005 if it has none) or the connection ended (null). */
  async closeCode(ms) {
    for (;;) {
      const frame = await this.frame(ms);
      if (!frame) return null;
      if (frame.opcode === 8) return frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005;
    }
  }

  destroy() {
    this.socket.destroy();
  }
}

/** A connected raw socket. */
export async function connectRaw(port, { host = '127.0.0.1', from, halfOpen = false } = {}) {
  const socket = net.connect({ port, host, localAddress: from, allowHalfOpen: halfOpen });
  const raw = new RawSocket(socket);
  await once(socket, 'connect');
  return raw;
}

/** Sends these bytes on a fresh socket; returns the parsed response head, and the rest once the relay closed. */
export async function rawHttp(port, bytes, { whole = true } = {}) {
  const raw = await connectRaw(port);
  raw.send(bytes);
  const response = await raw.response();
  if (whole) response.body = await raw.whenClosed();
  raw.destroy();
  return response;
}

/** The head of a good upgrade; `change` may replace, add (array of lines) or drop (null) headers. */
export function upgradeRequest(
  port,
  { path = '/pairlink', method = 'GET', version = 'HTTP/1.1', headers = {}, lines = [] } = {},
) {
  const all = {
    Host: `127.0.0.1:${port}`,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': 'pairlink.v1',
    ...headers,
  };
  const rows = Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`);
  return `${method} ${path} ${version}\r\n${[...rows, ...lines].join('\r\n')}\r\n\r\n`;
}

/** A raw socket after a good upgrade; what follows are frames. */
export async function connectWebSocket(port, { from, ...options } = {}) {
  const raw = await connectRaw(port, { from });
  raw.send(upgradeRequest(port, options));
  const response = await raw.response();
  if (response.status !== 101) throw new Error(`upgrade refused: ${response.head}`);
  raw.upgrade = response;
  return raw;
}

/** One WebSocket frame; `length` overrides the length that the header states, `form` its size (7, 16 or 64 bits). */
export function frame(opcode, payload = Buffer.alloc(0), { fin = true, rsv = 0, mask = true, length, form } = {}) {
  const body = Buffer.from(payload);
  const stated = BigInt(length ?? body.length);
  const bits = form ?? (stated < 126n ? 7 : stated < 65536n ? 16 : 64);
  const head = Buffer.alloc(2 + (bits === 7 ? 0 : bits === 16 ? 2 : 8));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (mask ? 0x80 : 0) | (bits === 7 ? Number(stated) : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(Number(stated), 2);
  if (bits === 64) head.writeBigUInt64BE(stated, 2);
  if (!mask) return Buffer.concat([head, body]);
  const key = randomBytes(4);
  for (let i = 0; i < body.length; i++) body[i] ^= key[i & 3];
  return Buffer.concat([head, key, body]);
}

/** One envelope: type, flags, length, link, payload. */
export function envelope(type, payload = Buffer.alloc(0), { flags = 0, link = 0, length } = {}) {
  const head = Buffer.alloc(8);
  head[0] = type;
  head[1] = flags;
  head.writeUInt16BE(length ?? payload.length, 2);
  head.writeUInt32BE(link >>> 0, 4);
  return Buffer.concat([head, payload]);
}

/** The payloads of all WebSocket frames that one client sent after its HTTP request, without their masks. */
export function unmasked(stream) {
  const out = [];
  for (let at = stream.indexOf('\r\n\r\n') + 4; at + 2 <= stream.length;) {
    let length = stream[at + 1] & 0x7f;
    let head = 2;
    if (length === 126) {
      length = stream.readUInt16BE(at + 2);
      head = 4;
    } else if (length === 127) {
      length = Number(stream.readBigUInt64BE(at + 2));
      head = 10;
    }
    const key = stream.subarray(at + head, at + head + 4);
    const payload = Buffer.from(stream.subarray(at + head + 4, at + head + 4 + length));
    for (let i = 0; i < payload.length; i++) payload[i] ^= key[i & 3];
    out.push(payload);
    at += head + 4 + length;
  }
  return Buffer.concat(out);
}
