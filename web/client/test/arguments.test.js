/**
 * A wrong argument of a public function is refused with EINVAL (or the error of its kind) right away: nothing hangs and
 * nothing else is affected.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import * as pairlink from '../index.js';

const { PairlinkError, Sha256, Transfer, createClient, idFromSeed, newSeed } = pairlink;

/** A WebSocket that never connects. */
class NoSocket {
  close() {}
}
const make = (options) => createClient({ url: 'ws://127.0.0.1:1', seed: newSeed(), WebSocket: NoSocket, ...options });
/** @type {any} */ let client;
/** @type {any} */ let session;
/** @type {any} */ let code;
/** @type {any} */ let transfer;
let id = '';
beforeAll(async () => {
  await pairlink.ready;
  id = idFromSeed(newSeed());
  client = await make();
  client.relayId = id; // as after a login
  session = client.connect(id);
  code = client.createCode();
  transfer = new Transfer({ act() {}, send: () => true });
});

const given = new ArrayBuffer(4);
structuredClone(given, { transfer: [given] });
const shared = typeof SharedArrayBuffer === 'undefined' ? {} : new SharedArrayBuffer(4);
const NO_TEXTS = [undefined, null, 5, true, {}, [], () => {}, Symbol('x'), new Uint8Array(3)];
const NO_BYTES = [
  undefined,
  null,
  5,
  true,
  {},
  [],
  [1, 2],
  () => {},
  Symbol('x'),
  given,
  shared,
  { byteLength: 4 },
  { length: 4 },
];
const NO_CHANNELS = [null, '0', {}, -1, 1.5, 255, NaN, Infinity, Symbol('x')];
const NO_REASONS = [null, {}, 'NOSUCH', 'constructor', '__proto__', -1, 1.5, 65536, Symbol('x')];
const NO_OPTIONS = [null, 5, 'channel', [], { chanel: 1 }];
const NO_TIMES = [null, '5', {}, NaN, -1];
const NO_FUNCTIONS = [undefined, null, 5, 'f', {}];
const NO_EVENTS = [undefined, null, 5, {}, 'massage', 'constructor', '__proto__', Symbol('message')];
const optional = (list) => list.filter((value) => value !== undefined && value !== null);
const data = new Uint8Array(4);

/** [title, a call with the value under test, values that are refused, the error]. */
const CASES = [
  ['createClient(options)', (v) => createClient(v), [undefined, null, 5, 'x', [], {}]],
  ['createClient: an unknown option', (v) => make({ [v]: 1 }), ['Seed', 'acceptall', 'toString']],
  ['createClient: url', (url) => make({ url }), NO_TEXTS],
  ['createClient: url, no address', (url) => make({ url }), ['', 'nonsense', 'ftp://x'], 'EURL'],
  ['createClient: seed', (seed) => make({ seed }), [...NO_BYTES, 'x'.repeat(32), new Uint8Array(31)]],
  ['createClient: instance', (instance) => make({ instance }), [...optional(NO_BYTES), new Uint8Array(7)]],
  ['createClient: token', (token) => make({ token }), optional(NO_BYTES)],
  ...['relayId', 'application', 'name'].map((key) => [
    `createClient: ${key}`,
    (v) => make({ [key]: v }),
    optional(NO_TEXTS),
  ]),
  ...['listen', 'acceptAll'].map((key) => [`createClient: ${key}`, (v) => make({ [key]: v }), ['true', 1, {}]]),
  ...['WebSocket', 'random', 'now', 'log'].map((key) => [
    `createClient: ${key}`,
    (v) => make({ [key]: v }),
    optional(NO_FUNCTIONS),
  ]),
  [
    'createClient: options',
    (options) => make({ options }),
    [
      5,
      'x',
      [],
      { messageMaximum: 1 },
      { messageMax: 0 },
      { messageMax: '5' },
      { sessionsMax: 1.5 },
      { sessionTimeoutMs: NaN },
      { manualTake: 1 },
      { channelWindow: 5 },
    ],
  ],
  ['client.on, event', (name) => client.on(name, () => {}), NO_EVENTS],
  ['client.on, listener', (fn) => client.on('online', fn), NO_FUNCTIONS],
  ['session.on, event', (name) => session.on(name, () => {}), NO_EVENTS],
  ['session.on, listener', (fn) => session.on('message', fn), NO_FUNCTIONS],
  ['code.on, event', (name) => code.on(name, () => {}), NO_EVENTS],
  ['code.on, listener', (fn) => code.on('paired', fn), NO_FUNCTIONS],
  ['client.connect', (v) => client.connect(v), NO_TEXTS],
  ['client.connect, no ID', (v) => client.connect(v), ['', 'abc', 'é'.repeat(54)], 'EID'],
  ['client.connect, no link', (v) => client.connect(v), ['#', 'https://relay.example/#abc', 'ws://x/#abc'], 'ELINK'],
  ...['allow', 'deny', 'refuse', 'block', 'forget'].map((name) => [`client.${name}`, (v) => client[name](v), NO_TEXTS]),
  ...['allow', 'deny', 'refuse', 'block', 'forget'].map((name) => [
    `client.${name}, no ID`,
    (v) => client[name](v),
    ['', 'abc'],
    'EID',
  ]),
  ['client.createInvite', (v) => client.createInvite(v), NO_OPTIONS],
  ['client.createInvite: lifetimeMs', (lifetimeMs) => client.createInvite({ lifetimeMs }), NO_TIMES],
  ['client.createInvite: pageUrl', (pageUrl) => client.createInvite({ pageUrl }), optional(NO_TEXTS)],
  ['client.createInvite: pageUrl, no address', (pageUrl) => client.createInvite({ pageUrl }), ['nonsense'], 'EURL'],
  [
    'client.createInvite: secret',
    (secret) => client.createInvite({ secret }),
    [...optional(NO_BYTES), new Uint8Array(15), 'xyz', 'ab'],
  ],
  [
    'client.addInvite',
    (v) => client.addInvite(v),
    [undefined, null, 5, [], {}, { secret: new Uint8Array(16) }, { secret: new Uint8Array(16), expiresAt: 1, uses: 2 }],
  ],
  [
    'client.addInvite: secret',
    (secret) => client.addInvite({ secret, expiresAt: 1 }),
    [...NO_BYTES, new Uint8Array(15), 'xyz'],
  ],
  ['client.addInvite: expiresAt', (expiresAt) => client.addInvite({ secret: new Uint8Array(16), expiresAt }), NO_TIMES],
  ['client.revokeInvite', (v) => client.revokeInvite(v), [...NO_BYTES, new Uint8Array(15), 'xyz']],
  ['client.createCode', (v) => client.createCode(v), NO_OPTIONS],
  ['client.createCode: lifetimeMs', (lifetimeMs) => client.createCode({ lifetimeMs }), ['5', {}, NaN, -1]],
  ['client.claimCode', (v) => client.claimCode(v), NO_TEXTS],
  ['client.claimCode, no code', (v) => client.claimCode(v), ['', '12', '4821-nonsense-nonsense'], 'ECODE'],
  ['session.send', (v) => session.send(v), NO_BYTES],
  ['session.send, taken', (v) => session.send(v, { take: true }), NO_BYTES],
  ['session.send, options', (v) => session.send(data, v), NO_OPTIONS],
  ['session.send, channel', (channel) => session.send(data, { channel }), NO_CHANNELS],
  ['session.send, take', (take) => session.send(data, { take }), [null, 1, 'yes']],
  ['session.sendVolatile', (v) => session.sendVolatile(v), NO_BYTES],
  ['session.sendVolatile, options', (v) => session.sendVolatile(data, v), NO_OPTIONS],
  ['session.sendVolatile, channel', (channel) => session.sendVolatile(data, { channel }), optional(NO_CHANNELS)],
  ['session.finish', (v) => session.finish(v), NO_CHANNELS],
  ['session.setPriority, channel', (v) => session.setPriority(v, 4), [undefined, ...NO_CHANNELS]],
  ['session.setPriority', (v) => session.setPriority(0, v), [undefined, null, '1', {}, -1, 8, 1.5, NaN]],
  ['session.resetChannel', (v) => session.resetChannel(v), [undefined, ...NO_CHANNELS]],
  ['session.resetChannel, reason', (v) => session.resetChannel(9, v), NO_REASONS],
  ['session.close, reason', (v) => session.close(v), NO_REASONS],
  ['session.close, text', (v) => session.close('CLOSED', v), NO_TEXTS.filter((value) => value !== undefined)],
  ['session.channel', (v) => session.channel(v), [undefined, ...NO_CHANNELS]],
  ['channel.send', (v) => session.channel(1).send(v), NO_BYTES],
  ['channel.setPriority', (v) => session.channel(1).setPriority(v), [undefined, null, '1', 8]],
  ['idFromSeed', (v) => idFromSeed(v), [...NO_BYTES, 'x'.repeat(32), new Uint8Array(31)]],
  ['parseId', (v) => pairlink.parseId(v), NO_TEXTS],
  ['parseId, no ID', (v) => pairlink.parseId(v), ['', 'x', '💥'.repeat(27)], 'EID'],
  ['parseInviteLink', (v) => pairlink.parseInviteLink(v), NO_TEXTS],
  [
    'parseInviteLink, no link',
    (v) => pairlink.parseInviteLink(v),
    ['', 'x', 'https://relay.example/', 'https://relay.example/#🙂'],
    'ELINK',
  ],
  ['parseCode', (v) => pairlink.parseCode(v), NO_TEXTS],
  ['safetyPhrase, first', (v) => pairlink.safetyPhrase(v, id), NO_TEXTS],
  ['safetyPhrase, second', (v) => pairlink.safetyPhrase(id, v), NO_TEXTS],
  ['completeWord', (v) => pairlink.completeWord(v), NO_TEXTS],
  ['errorText', (v) => pairlink.errorText(v), NO_TEXTS],
  ['Sha256.update', (v) => new Sha256().update(v), [...NO_BYTES, 'text']],
  ['safeName', (v) => pairlink.safeName(v), [...NO_BYTES, 'text']],
  ['numberedName', (v) => pairlink.numberedName(v, 2), NO_TEXTS],
  ['numberedName, number', (v) => pairlink.numberedName('a.txt', v), [undefined, null, '2', -1, 1.5, NaN]],
  ['Transfer', (v) => new Transfer(v), [undefined, null, 5, {}, { act() {} }, { send() {} }]],
  ['transfer.message', (v) => transfer.message(0, v), [...NO_BYTES, 'text']],
  ['transfer.message, channel', (v) => transfer.message(v, data), [undefined, ...NO_CHANNELS]],
  ['transfer.messageMax', (v) => transfer.messageMax(v), [undefined, null, '65536', 25, 1.5, NaN, Infinity]],
  ['transfer.wordSent', (v) => transfer.wordSent(v), [undefined, null, '1', -1, 1.5, NaN]],
  ['transfer.heard', (v) => transfer.heard(v), [undefined, null, '1', -1, 1.5, NaN]],
  [
    'transfer.add',
    (v) => transfer.add(v),
    [
      undefined,
      null,
      5,
      {},
      { id: 'xyz', name: data, size: 1 },
      { id: '00'.repeat(16), name: 'text', size: 1 },
      { id: '00'.repeat(16), name: data, size: -1 },
      { id: '00'.repeat(16), name: data, size: NaN },
    ],
  ],
  ['transfer.accept', (v) => transfer.accept(v), [undefined, null, 5, {}, '', '0000', 'xyz']],
];

describe('a wrong argument is refused right away with a PairlinkError', () => {
  test.each(CASES.map(([what, call, values, error = 'EINVAL']) => ({ what, call, values, error })))(
    '$what',
    async ({ call, values, error }) => {
      for (const value of values) {
        let thrown;
        try {
          await call(value);
        } catch (caught) {
          thrown = caught;
        }
        const shown =
          typeof value === 'symbol' ? 'a symbol' : `${Object.prototype.toString.call(value)} ${JSON.stringify(value)}`;
        expect(thrown, `${shown}: ${thrown?.stack ?? 'nothing thrown'}`).toBeInstanceOf(PairlinkError);
        expect(thrown.code, shown).toBe(error);
      }
    },
  );
  test('a function that returns a promise rejects it, and throws nothing', async () => {
    for (const promise of [
      session.send({}),
      session.finish(-1),
      session.close('NOSUCH'),
      session.channel(0).send(null),
      createClient(null),
    ])
      await expect(promise).rejects.toBeInstanceOf(PairlinkError);
    expect(session.state).toBe('dialing'); // the refused close had no effect
  });
  test('a stream refuses a wrong chunk too', async () => {
    const writer = session.channel(7).writable.getWriter();
    await expect(writer.write({})).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

test('every kind of bytes is sent, as a copy made at the call', async () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  const forms = [
    bytes,
    bytes.buffer,
    new DataView(bytes.buffer, 2, 4),
    new Uint16Array(bytes.buffer, 2, 2),
    new Float32Array(bytes.buffer),
    new BigInt64Array(bytes.buffer),
    Buffer.from(bytes),
    'text',
    '',
  ];
  const places = [];
  for (const form of forms) places.push((await session.send(form, { channel: 3 })).place);
  const sizes = places.map((place, i) => place - (places[i - 1] ?? 0) - 1);
  expect(sizes).toEqual([8, 8, 4, 4, 8, 8, 8, 4, 0]);
  bytes.fill(9);
  const { pieces } = client.engine.entries.get(session.number).session.outgoing.get(3);
  expect(pieces.map(({ data: [first = -1] }) => first)).toEqual([0, 0, 2, 2, 0, 0, 0, 116, -1]);
});

test('a transfer accepts every kind of bytes', () => {
  const bytes = Uint8Array.of(97, 45, 98, 46);
  for (const form of [bytes.buffer, new DataView(bytes.buffer), new Uint16Array(bytes.buffer)]) {
    const words = [];
    const pieces = [];
    const [from, to] = [
      new Transfer({ act() {}, send: (head, body) => pieces.push([...body]) > 0 }),
      new Transfer({ act: ({ type }) => words.push(type), send: () => true }),
    ];
    from.add({ id: '01'.repeat(16), name: bytes, size: bytes.length });
    const word = from.nextWord();
    to.message(0, word.buffer.slice(word.byteOffset, word.byteOffset + word.length));
    expect(words).toEqual(['offered']);
    from.wordSent(1);
    to.accept('01'.repeat(16));
    to.ready('01'.repeat(16), 0);
    from.message(0, to.nextWord());
    from.read(from.nextWant(), form);
    expect(pieces).toEqual([[...bytes]]);
    expect(from.nextWant()).toMatchObject({ offset: 4, end: true });
    expect(pairlink.safeName(form)).toBe('a-b_');
  }
});

test('addInvite accepts what createInvite returned', () => {
  const invite = client.createInvite();
  client.revokeInvite(invite.secret);
  client.addInvite(invite);
  client.revokeInvite(invite.secret);
});

test('after a refused message the next one is sent', async () => {
  await expect(session.send({}, { channel: 4 })).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(session.send('fine', { channel: 4 })).resolves.toMatchObject({ place: 5 });
});
