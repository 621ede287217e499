/** WebSocket frames and envelopes that the relay must refuse. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TYPE, REASON, helloPeer, linked, loggedIn } from '../support/login.js';
import { until } from '../support/process.js';
import { connectWebSocket, envelope, frame } from '../support/raw.js';
import { WEBSOCKET_CASES } from '../support/refusal_cases.js';
import { ENVELOPE, ENVELOPE_MAX, ENVELOPE_SENDER, MESSAGES, SENDER } from '../../web/client/wire_table.js';
import { stillServes, useRelay } from '../support/refusal_fixture.js';

const MESSAGE_MAX = 66000;
const fixture = useRelay({
  args: [
    '--limit',
    `MESSAGE_MAX=${MESSAGE_MAX}`,
    '--ping-interval',
    '200ms',
    '--dead-after',
    '600ms',
    '--limit',
    'OPEN_TIMEOUT_MS=300',
  ],
});
const port = () => fixture.relay.port;

const BYTES = { u8: 1, u16: 2, u32: 4, u64: 8, var8: 1, var16: 2, list: 1, rest: 0 };
/** Every envelope of schema/wire.def with the smallest payload that decodes, so that a new one is tested automatically.
 */
const ALL = Object.entries(ENVELOPE).map(([name, type]) => ({
  name,
  type,
  sender: ENVELOPE_SENDER[type],
  max: ENVELOPE_MAX[type],
  minimum: (MESSAGES[name.toLowerCase()] ?? []).reduce((sum, [kind, , size]) => sum + (BYTES[kind] ?? size), 0),
}));
const ON_LINKS = [TYPE.OPEN, TYPE.ACCEPT, TYPE.DATA, TYPE.RESET, TYPE.CLAIM];

describe('frames', () => {
  for (const { name, frames, codes } of WEBSOCKET_CASES) {
    test(name, async () => {
      const raw = await connectWebSocket(port());
      for (const bytes of frames({ messageMax: MESSAGE_MAX })) raw.send(bytes);
      expect(codes).toContain(await raw.closeCode());
      await raw.whenClosed();
      raw.destroy();
    });
  }

  test('an unfinished message is closed when the sender falls silent', async () => {
    const { raw } = await loggedIn(port());
    raw.send(frame(2, Buffer.alloc(100), { fin: false }));
    await raw.whenClosed();
    raw.destroy();
  });

  test('a frame header that never ends is closed too', async () => {
    const { raw } = await loggedIn(port());
    raw.send(Buffer.from([0x82, 0xff, 0]));
    await raw.whenClosed();
    raw.destroy();
  });

  test('the message limit after the login: the largest passes, one byte more does not', async () => {
    const peer = await loggedIn(port());
    const data = randomBytes(8);
    const filler = envelope(0xfe, Buffer.alloc(MESSAGE_MAX - 65543 - 16 - 8));
    const message = Buffer.concat([envelope(0xfe, Buffer.alloc(65535)), filler, envelope(TYPE.PING, data)]);
    expect(message.length).toBe(MESSAGE_MAX);
    peer.sendMessage(message);
    expect((await peer.until(TYPE.PONG)).payload.equals(data)).toBe(true);
    peer.sendMessage(Buffer.concat([message, Buffer.alloc(1)]));
    expect(await peer.raw.closeCode()).toBe(1009);
    peer.close();
  });

  test('an empty message', async () => {
    const peer = await loggedIn(port());
    peer.sendMessage(Buffer.alloc(0));
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  test('announced lengths cost no memory', async () => {
    const sockets = (await Promise.all(Array.from({ length: 100 }, () => loggedIn(port())))).map((peer) => peer.raw);
    const before = fixture.relay.process.memoryKiB();
    for (const raw of sockets) raw.send(frame(2, Buffer.alloc(4), { length: MESSAGE_MAX, form: 64 }));
    await stillServes(fixture.relay);
    expect(fixture.relay.process.memoryKiB() - before).toBeLessThan(
      process.env.PAIRLINK_BIN?.includes('asan') ? 65536 : 4096,
    );
    for (const raw of sockets) raw.destroy();
  });

  test('a flood of pings from a client that never reads costs bounded memory', async () => {
    const { raw } = await loggedIn(port());
    raw.socket.pause();
    const ping = Buffer.concat(Array.from({ length: 500 }, () => frame(9, randomBytes(125))));
    const before = fixture.relay.process.memoryKiB('VmHWM');
    let ended = false;
    raw.socket.once('close', () => (ended = true));
    for (let i = 0; i < 400 && !ended; i++) {
      if (!raw.socket.write(ping))
        await Promise.race([
          new Promise((go) => raw.socket.once('drain', go)),
          new Promise((go) => raw.socket.once('close', go)),
          stalled(raw.socket),
        ]);
      if (raw.socket.writableLength > 4 << 20) break; // the relay has stopped reading, so its memory is bounded
    }
    const slack = process.env.PAIRLINK_BIN?.includes('asan') ? 65536 : 8192;
    expect(fixture.relay.process.memoryKiB('VmHWM') - before).toBeLessThan(slack);
    raw.destroy();
  });
});

/** Settles when nothing has left the socket between two checks. */
async function stalled(socket) {
  let last = -1;
  await until(
    () => {
      const same = socket.bytesWritten - socket.writableLength === last;
      last = socket.bytesWritten - socket.writableLength;
      return same;
    },
    'a stalled socket',
    { interval_ms: 50 },
  );
}

describe('envelopes', () => {
  test('a truncated header', async () => {
    const peer = await loggedIn(port());
    peer.sendMessage(Buffer.from([TYPE.PING, 0, 0]));
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  test('an envelope longer than its message', async () => {
    const peer = await loggedIn(port());
    peer.sendMessage(envelope(TYPE.DATA, Buffer.alloc(10), { length: 500, link: 0x10001 }));
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  test('a good envelope and half of another', async () => {
    const peer = await loggedIn(port());
    peer.sendMessage(Buffer.concat([envelope(TYPE.PING, randomBytes(8)), Buffer.from([TYPE.PING])]));
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  test('an unknown type', async () => {
    const peer = await loggedIn(port());
    peer.send(0x7f, Buffer.alloc(3));
    expect(await peer.refusal()).toBe(REASON.UNSUPPORTED);
  });

  test('an unknown type from 0x80 on is skipped', async () => {
    const peer = await loggedIn(port());
    const data = randomBytes(8);
    peer.sendMessage(Buffer.concat([envelope(0xfe, randomBytes(300)), envelope(0xff), envelope(TYPE.PING, data)]));
    expect((await peer.until(TYPE.PONG)).payload.equals(data)).toBe(true);
    peer.close();
  });

  test.each([
    ...ALL.filter(({ sender, minimum }) => sender & SENDER.CLIENT && minimum).map(({ name, type, minimum }) => [
      `${name} without its last byte`,
      type,
      minimum - 1,
    ]),
    ...ALL.filter(({ sender, max }) => sender & SENDER.CLIENT && max < 65535).map(({ name, type, max }) => [
      `${name} of a byte too many`,
      type,
      max + 1,
    ]),
    ['PING of 65,535 bytes', TYPE.PING, 65535],
    ['CODE with an unknown op', TYPE.CODE, 13],
  ])('%s', async (_name, type, length) => {
    const peer = await loggedIn(port());
    peer.send(type, Buffer.alloc(length), { link: ON_LINKS.includes(type) ? 0x10001 : 0 });
    expect(await peer.refusal()).toBe(REASON.PROTOCOL);
  });

  for (const { name, type } of ALL.filter(({ sender }) => sender === SENDER.RELAY))
    test(`${name}, which only a relay sends`, async () => {
      const peer = await loggedIn(port());
      peer.send(type, Buffer.alloc(8));
      expect(await peer.refusal()).toBe(REASON.PROTOCOL);
    });

  test('link numbers of other sockets reach nobody', async () => {
    const { caller, callee, callerLink, calleeLink } = await linked(port());
    const stranger = await loggedIn(port());
    for (const link of [callerLink, calleeLink, 0x10001, 0x7fffffff, 0xffffffff, 0x80010000]) {
      stranger.send(TYPE.DATA, Buffer.from('forged'), { link });
      stranger.send(TYPE.ACCEPT, Buffer.from('forged'), { link });
      stranger.send(TYPE.RESET, Buffer.from([0, 1]), { link });
    }
    // The relay handles a socket's envelopes in order: once PONG arrives, it has handled all of the above.
    stranger.send(TYPE.PING, randomBytes(8));
    await stranger.until(TYPE.PONG);
    caller.send(TYPE.DATA, Buffer.from('true'), { link: callerLink });
    const first = await callee.next();
    expect(first).toMatchObject({ type: TYPE.DATA, link: calleeLink });
    expect(first.payload.toString()).toBe('true');
    callee.send(TYPE.DATA, Buffer.from('back'), { link: calleeLink });
    expect((await caller.until(TYPE.DATA)).payload.toString()).toBe('back');
    for (const peer of [caller, callee, stranger]) peer.close();
  });

  test('OPEN with a slot beyond the limit', async () => {
    const peer = await loggedIn(port());
    peer.send(TYPE.OPEN, Buffer.concat([randomBytes(40), Buffer.alloc(96)]), { link: (1 << 16) | 0xffff });
    const answer = await peer.next();
    expect(answer).toMatchObject({ type: TYPE.RESET });
    expect(answer.payload.readUInt16BE(0)).toBe(REASON.PROTOCOL);
    peer.close();
  });

  test("OPEN with a number from the relay's side", async () => {
    const peer = await loggedIn(port());
    peer.send(TYPE.OPEN, Buffer.concat([randomBytes(40), Buffer.alloc(96)]), { link: 0x80010000 });
    const answer = await peer.next();
    expect(answer).toMatchObject({ type: TYPE.RESET });
    expect(answer.payload.readUInt16BE(0)).toBe(REASON.PROTOCOL);
    peer.close();
  });

  test('DATA on a link that nobody accepted', async () => {
    const peer = await loggedIn(port());
    peer.send(TYPE.OPEN, Buffer.concat([randomBytes(40), Buffer.alloc(96)]), { link: 0x10000 });
    peer.send(TYPE.DATA, Buffer.from('early'), { link: 0x10000 });
    const answer = await peer.next();
    expect(answer).toMatchObject({ type: TYPE.RESET, link: 0x10000 });
    expect(answer.payload.readUInt16BE(0)).toBe(REASON.PROTOCOL);
    peer.close();
  });

  test('an OPEN to an unknown ID ends with UNAVAILABLE, no sooner than one to a silent peer', async () => {
    const [caller, silent] = [await loggedIn(port()), await loggedIn(port())];
    caller.send(TYPE.OPEN, Buffer.concat([silent.identity.publicKey, Buffer.alloc(8), Buffer.alloc(96)]), {
      link: 0x10000,
    });
    caller.send(TYPE.OPEN, Buffer.concat([randomBytes(32), Buffer.alloc(8), Buffer.alloc(96)]), { link: 0x10001 });
    for (const link of [0x10000, 0x10001]) {
      const answer = await caller.until(TYPE.RESET);
      expect(answer.link).toBe(link);
      expect(answer.payload.readUInt16BE(0)).toBe(REASON.UNAVAILABLE);
    }
    caller.close();
    silent.close();
  });
});

describe('disconnects', () => {
  test('in every state, two hundred times', async () => {
    const stages = [
      () => connectWebSocket(port()).then((raw) => raw.destroy()),
      () => helloPeer(port()).then((peer) => peer.close()),
      () => loggedIn(port()).then((peer) => peer.close()),
      async () => {
        const peer = await loggedIn(port());
        peer.send(TYPE.OPEN, Buffer.concat([randomBytes(40), Buffer.alloc(96)]), { link: 0x10000 });
        peer.close();
      },
      async () => {
        const { caller, callee } = await linked(port());
        caller.send(TYPE.DATA, randomBytes(1000), { link: 0x10000 });
        caller.raw.socket.resetAndDestroy();
        await callee.until(TYPE.RESET);
        callee.close();
      },
    ];
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 10 }, (_, i) => stages[i % stages.length]()));
  });

  test('the other side of a link gets GONE', async () => {
    const { caller, callee, calleeLink } = await linked(port());
    caller.raw.socket.resetAndDestroy();
    const answer = await callee.until(TYPE.RESET);
    expect(answer.link).toBe(calleeLink);
    expect(answer.payload.readUInt16BE(0)).toBe(REASON.GONE);
    callee.close();
  });
});
