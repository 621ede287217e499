/** Pairing codes with C programs on libpairlink (the one in docs/embedding.md) and the real relay. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCode, safetyPhrase, words } from '../../web/client/index.js';
import { clientsOf, event, online } from '../support/js_client.js';
import { TYPE, loggedIn } from '../support/login.js';
import { binary, start, tempDir } from '../support/process.js';
import { startProxy } from '../support/proxy.js';
import { unmasked } from '../support/raw.js';
import { startRelay } from '../support/relay.js';

const FREE = ['CODE_MISSES_PER_MINUTE=1000', 'CLAIMS_PER_MINUTE=10000', 'CODES_PER_MINUTE=1000'].flatMap((limit) => [
  '--limit',
  limit,
]);
const CODE = /tell the other person: (\S+)/;
const PAIRED = /paired with (\S+): (.*)/;

let relay;
beforeAll(async () => {
  relay = await startRelay({ args: ['--workers', '2', ...FREE] });
});
afterAll(async () => {
  clients.stopAll();
  expect((await relay.stop()).code, relay.log).toBe(0);
});

const clients = clientsOf(() => relay);
/** Starts a program that makes a code, or uses one; each has its own identity. */
const program = (url, ...code) =>
  start(binary('sample_code'), [url, ...code], {
    env: { HOME: tempDir(), XDG_CONFIG_HOME: '', XDG_STATE_HOME: '', http_proxy: '', no_proxy: '*' },
  });
const made = async (maker) => (await maker.waitFor(CODE, { stream: 'stdout' }))[1];
/** Returns a code with the same number and another word. */
function wrong(code, by = 1) {
  const {
    number,
    words: [first, second],
  } = parseCode(code);
  return [number, first, words[(words.indexOf(second) + by) % words.length]].join('-');
}

async function pair(url, changed = (code) => code) {
  const maker = program(url);
  const code = await made(maker);
  const user = program(url, changed(code));
  const ends = await Promise.all([maker.wait(), user.wait()]);
  return { maker, user, code, codes: ends.map((end) => end.code) };
}

describe('a code', () => {
  test('pairs two programs, whichever workers they are on: both are sure, have one phrase, and a session', async () => {
    for (const { maker, user, codes } of await Promise.all(Array.from({ length: 6 }, () => pair(relay.ws)))) {
      expect(codes, maker.stderr + user.stderr).toEqual([0, 0]);
      const [phrase, other] = [maker.stdout.match(PAIRED)[2], user.stdout.match(PAIRED)[2]];
      expect(phrase.split(' ')).toHaveLength(12);
      expect(other).toBe(phrase);
      expect(user.stdout).toMatch(/hello/);
    }
  });

  test('is accepted as people type it', async () => {
    const { codes, user } = await pair(relay.ws, (code) => ` ${code.toUpperCase().replace('-', ' - ')} `);
    expect(codes, user.stderr).toEqual([0, 0]);
  });

  test('pairs C with JavaScript, in both directions', async () => {
    const js = await online(await clients.make({ name: 'Jo' }));
    const maker = program(relay.ws);
    const theirs = js.claimCode(await made(maker));
    const incoming = event(js, 'session');
    const { id } = await event(theirs, 'paired');
    const text = await maker.waitFor(PAIRED, { stream: 'stdout' });
    expect([text[1], text[2]]).toEqual([js.id, safetyPhrase(js.id, id)]);
    const session = await incoming;
    expect(session.id).toBe(id);
    session.close();
    expect((await maker.wait()).code, maker.stderr).toBe(0);

    const code = js.createCode();
    const { text: shown } = await event(code, 'code');
    const paired = event(code, 'paired');
    const user = program(relay.ws, shown);
    const { session: ours } = await paired;
    await user.waitFor(PAIRED, { stream: 'stdout' });
    await ours.send('hello from the page\n');
    await user.waitFor('hello from the page', { stream: 'stdout' });
    ours.close();
    expect((await user.wait()).code, user.stderr).toBe(0);
  });

  test('20 wrong guesses: none is accepted, and both are told each time', async () => {
    let accepted = 0;
    for (let i = 1; i <= 20; i += 4) {
      for (const { maker, user, codes } of await Promise.all(
        [0, 1, 2, 3].map((k) => pair(relay.ws, (code) => wrong(code, i + k))),
      )) {
        accepted += PAIRED.test(maker.stdout + user.stdout);
        expect(codes).toEqual([1, 1]);
        for (const side of [maker, user]) expect(side.stderr).toMatch(/the code was wrong/);
      }
    }
    expect(accepted).toBe(0);
  });

  test('that nobody made, and a text that is not a code', async () => {
    const nobody = program(relay.ws, '9999999-zoo-zoo');
    expect((await nobody.wait()).code).toBe(1);
    expect(nobody.stderr).toMatch(/no such code/);
    const none = program(relay.ws, '4821-copper');
    expect((await none.wait()).code).toBe(1);
    expect(none.stderr).toMatch(/not a pairing code/);
  });
});

test('a client that tries numbers one by one is stopped', async () => {
  const strict = await startRelay({ args: ['--limit', 'LOOPBACK_EXEMPT=0'] });
  const maker = program(strict.ws);
  const { number } = parseCode(await made(maker));
  const guesser = await loggedIn(strict.port);
  const reasons = [];
  for (let i = 0; i < 8; i++) {
    const payload = Buffer.alloc(57, 1);
    payload.writeUInt32BE(i < 7 ? ((number + 1 + i) % 9000) + 1000 : number);
    guesser.send(TYPE.CLAIM, payload, { link: 0x10000 | i });
    reasons.push((await guesser.until(TYPE.RESET)).payload.readUInt16BE(0));
  }
  expect(reasons).toEqual([...Array(5).fill(0x108), 9, 9, 9]); // NO_CODE, then RATE, even for the number that exists
  guesser.close();
  await maker.kill9();
  expect((await strict.stop()).code).toBe(0);
});

test('the words appear nowhere in what the relay received', async () => {
  const proxy = await startProxy(relay.port);
  const { code, codes, maker, user } = await pair(proxy.ws);
  expect(codes, maker.stderr + user.stderr).toEqual([0, 0]);
  const { number, words: secret } = parseCode(code);
  const received = proxy.recordings.map(({ sent }) => unmasked(Buffer.concat(sent)));
  const plate = Buffer.alloc(4);
  plate.writeUInt32BE(number);
  expect(
    received.some((bytes) => bytes.includes(plate)),
    'the search sees what is in the clear: the number',
  ).toBe(true);
  for (const bytes of [...received, proxy.received()])
    for (const text of [secret.join('-'), ...secret.filter((word) => word.length > 4)])
      expect(bytes.includes(text)).toBe(false); // shorter ones may occur by chance
  expect(relay.log).not.toContain(secret.join('-')); // a single word may be one that the log uses itself, such as "ready"
  await proxy.stop();
});
