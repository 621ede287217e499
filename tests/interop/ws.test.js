/** The relay's framing with npm's ws, and with bytes that no library would send. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { once } from '../support/process.js';
import { connectRaw, frame, upgradeRequest } from '../support/raw.js';
import { useEcho } from './echo.js';

const echo = useEcho();
const LARGEST = 16 << 20;

async function open(options = {}) {
  const ws = new WebSocket(echo.url, { perMessageDeflate: false, maxPayload: LARGEST, ...options });
  await once(ws, 'open');
  return ws;
}

async function echoed(ws, data, options) {
  const answer = once(ws, 'message');
  ws.send(data, options);
  const [bytes, isBinary] = await answer;
  return { bytes, isBinary };
}

describe('npm ws', () => {
  test.each([0, 1, 125, 126, 127, 65535, 65536, 1 << 20, LARGEST])(
    'binary and text of %i bytes',
    { timeout: 60_000 },
    async (size) => {
      const ws = await open();
      const data = randomBytes(size);
      const first = await echoed(ws, data);
      expect(first.isBinary).toBe(true);
      expect(first.bytes.equals(data)).toBe(true);
      const text = 'x'.repeat(size);
      const second = await echoed(ws, text);
      expect(second.isBinary).toBe(false);
      expect(second.bytes.toString() === text).toBe(true);
      ws.terminate();
    },
  );

  test('one byte over 16 MiB is closed with 1009', async () => {
    const ws = await open();
    ws.on('error', () => {}); // the client's own write may fail first
    const closed = once(ws, 'close');
    ws.send(Buffer.alloc(LARGEST + 1));
    expect([1009, 1006]).toContain((await closed)[0]);
  });

  test('fragments, with pings between them', async () => {
    const ws = await open();
    const pongs = [];
    ws.on('pong', (data) => pongs.push(data.toString()));
    const answer = once(ws, 'message');
    ws.send('one ', { fin: false });
    ws.ping('a');
    ws.send('', { fin: false });
    ws.ping('b');
    ws.send('two', { fin: true });
    expect((await answer)[0].toString()).toBe('one two');
    expect(pongs).toEqual(['a', 'b']);
    ws.terminate();
  });

  test('a ping of 125 bytes', async () => {
    const ws = await open();
    const data = randomBytes(125);
    const pong = once(ws, 'pong');
    ws.ping(data);
    expect((await pong)[0].equals(data)).toBe(true);
    ws.terminate();
  });

  test('messages sent without waiting come back in order', async () => {
    const ws = await open();
    const got = [];
    const all = new Promise((done) => ws.on('message', (data) => got.push(data.toString()) === 1000 && done()));
    for (let i = 0; i < 1000; i++) ws.send(String(i));
    await all;
    expect(got).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
    ws.terminate();
  });

  test.each([1000, 1001, 1003, 1007, 1008, 1009, 1011, 3000, 4999])('close code %i comes back', async (code) => {
    const ws = await open();
    const closed = once(ws, 'close');
    ws.close(code, 'bye');
    expect((await closed)[0]).toBe(code);
  });

  test('a close without a code', async () => {
    const ws = await open();
    const closed = once(ws, 'close');
    ws.close();
    expect([1000, 1005]).toContain((await closed)[0]);
  });

  test('an offer of compression is ignored', async () => {
    const ws = await open({ perMessageDeflate: true });
    expect(ws.extensions).toBe('');
    expect((await echoed(ws, 'plain')).bytes.toString()).toBe('plain');
    ws.terminate();
  });
});

describe('text that is not UTF-8 is closed with 1007', () => {
  const openRaw = async () => {
    const raw = await connectRaw(echo.port);
    raw.send(upgradeRequest(echo.port, { path: '/', headers: { 'Sec-WebSocket-Protocol': null } }));
    expect((await raw.response()).status).toBe(101);
    return raw;
  };

  test.each([
    ['a byte that starts no character', 'ff'],
    ['a lone continuation', '80'],
    ['a cut sequence', 'e282'],
    ['an overlong slash', 'c0af'],
    ['an overlong NUL', 'e08080'],
    ['a surrogate', 'eda080'],
    ['beyond the last character', 'f4908080'],
    ['good text, then a bad byte', '68656c6c6fff'],
  ])('%s', async (_name, hex) => {
    const raw = await openRaw();
    raw.send(frame(1, Buffer.from(hex, 'hex')));
    expect(await raw.closeCode()).toBe(1007);
    raw.destroy();
  });

  test('a character cut in two by fragments is fine', async () => {
    const raw = await openRaw();
    const euro = Buffer.from('€');
    raw
      .send(frame(1, euro.subarray(0, 1), { fin: false }))
      .send(frame(0, euro.subarray(1, 2), { fin: false }))
      .send(frame(0, euro.subarray(2)));
    const answer = await raw.frame();
    expect(answer.opcode).toBe(1);
    expect(answer.payload.equals(euro)).toBe(true);
    raw.destroy();
  });

  test('a bad sequence that starts in one fragment and ends in the next', async () => {
    const raw = await openRaw();
    raw.send(frame(1, Buffer.from('e2', 'hex'), { fin: false })).send(frame(0, Buffer.from('28a1', 'hex')));
    expect(await raw.closeCode()).toBe(1007);
    raw.destroy();
  });
});
