/** Pairing codes: the exchange alone, and engines over the model of the relay. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromHex, fromUtf8, toHex, utf8 } from '../core/bytes.js';
import {
  answerExchange,
  completeWord,
  drawWords,
  finishExchange,
  formatCode,
  makeProof,
  parseCode,
  readProof,
  startExchange,
} from '../core/code.js';
import { identityFromSeed } from '../core/identity.js';
import { phraseOf } from '../core/phrase.js';
import { loadSodium } from '../core/sodium.js';
import { decode, encode, makeEnvelope } from '../core/wire.js';
import { CODE_LIFETIME_MS, CODE_SEAT_MS, ENVELOPE, REASON } from '../wire_table.js';
import { WORDS } from '../words.js';
import { World, makeRandom } from './model.js';

beforeAll(loadSodium);

/** Two peers that are online: ana has made a code, which bo may use. */
function made(options = {}, peers = {}) {
  const world = new World(options);
  const ana = world.peer('ana', peers).start();
  const bo = world.peer('bo', peers).start();
  world.until(() => ana.last('online') && bo.last('online'), 'online');
  const handle = ana.do('code_make');
  world.until(() => ana.last('code'), 'code');
  return { world, ana, bo, handle, ...parseCode(ana.last('code').text) };
}
const claim = (peer, number, words) => peer.do('code_claim', { value: number, words });
const wrongWords = (words) => words.map((word) => WORDS[(WORDS.indexOf(word) + 1) % WORDS.length]);
/** Calls `what` for each envelope towards a client, and loses the envelope when it returns false. */
function spy(world, what) {
  const { toClient } = world;
  world.toClient = function (socket, type, payload, ...rest) {
    if (what(socket, type, payload) === false) return;
    toClient.call(this, socket, type, payload, ...rest);
  };
}

const vectors = JSON.parse(readFileSync(new URL('../../../schema/vectors/code.json', import.meta.url), 'utf8'));

describe('vectors', () => {
  test.each(vectors.read)('$text is read', ({ text, number, words }) => {
    expect(parseCode(text)).toEqual({ number, words });
  });
  test.each(vectors.refused)('is refused: $why', ({ text }) => {
    expect(() => parseCode(text)).toThrow(expect.objectContaining({ code: 'ECODE' }));
  });
  test.each(vectors.exchanges)('exchange for $code', (v) => {
    const code = { relayId: fromHex(v.relay_id), ...parseCode(v.code) };
    const personOf = ({ id, instance, name }) => ({
      id: fromHex(id),
      instance: fromHex(instance),
      name: fromHex(name),
    });
    const seen = (person) => ({ ...person, name: fromUtf8(person.name) });
    const [claimer, creator] = [personOf(v.claimer), personOf(v.creator)];
    const started = startExchange(code, fromHex(v.sid), fromHex(v.claimer_scalar));
    expect(toHex(started.share)).toBe(v.claimer_share);
    const { keys, message } = answerExchange(code, started.message, fromHex(v.creator_scalar));
    expect(toHex(message)).toBe(`01${v.creator_share}`);
    expect(toHex(keys.claimer)).toBe(v.claimer_tag);
    expect(toHex(keys.creator)).toBe(v.creator_tag);
    expect(toHex(keys.claimerSeal)).toBe(v.claimer_seal);
    expect(toHex(keys.creatorSeal)).toBe(v.creator_seal);
    expect(toHex(keys.dial)).toBe(v.dial_secret);
    const theirs = finishExchange(started, message);
    expect(theirs).toEqual(keys);
    expect(toHex(makeProof(theirs, true, claimer))).toBe(v.claimer_proof);
    expect(toHex(makeProof(keys, false, creator))).toBe(v.creator_proof);
    expect(readProof(keys, true, fromHex(v.claimer_proof))).toEqual(seen(claimer));
    expect(readProof(theirs, false, fromHex(v.creator_proof))).toEqual(seen(creator));
  });
  test.each(vectors.phrases)('$phrase', ({ id, other_id: other, phrase }) => {
    expect(phraseOf(fromHex(id), fromHex(other))).toBe(phrase);
  });
});

describe('as text', () => {
  const [first, second] = [WORDS[7], WORDS[1999]];
  test.each([
    `4821-${first}-${second}`,
    ` 4821 ${first} ${second}\n`,
    `4821--${first.toUpperCase()} - ${second}`,
    `4821\u2013${first}\u2011${second}`,
    `4821\u00a0${first}\t${second}`,
    `4821${first}${second}`,
    `-4821, ${first}_${second}-`,
    `\u0664\u06f8\u0662\u06f1\u060c\u2068${first}.${second}\u2069`,
  ])('%j is read', (text) => {
    expect(parseCode(text)).toEqual({ number: 4821, words: [first, second] });
    expect(formatCode(4821, [first, second])).toBe(`4821-${first}-${second}`);
  });
  test.each([
    '',
    '4821',
    `4821-${first}`,
    `999-${first}-${second}`,
    `10000000-${first}-${second}`,
    `04821-${first}-${second}`,
    `4821-${first}-xyzzyx`,
    `4821-${first}-${second}-${second}`,
    `x4821-${first}-${second}`,
    `48 21-${first}-${second}`,
    `4821-${first.slice(0, 2)} ${first.slice(2)}-${second}`,
    `4821-${first}-\u212a${second}`,
    `\u16804821-${first}-${second}`,
    `4821-${first}-${second}\u1680`,
  ])('%j is refused', (text) => {
    expect(() => parseCode(text)).toThrow(expect.objectContaining({ code: 'ECODE' }));
  });
  test('without gaps there is one way to read a code: no word begins another', () => {
    expect(WORDS.filter((word, index) => WORDS[index + 1]?.startsWith(word))).toEqual([]);
  });
  test('words are completed', () => {
    expect(completeWord('')).toEqual([]);
    expect(completeWord(first)).toContain(first);
    const prefix = first.slice(0, 2);
    expect(completeWord(` ${prefix.toUpperCase()} `)).toEqual(WORDS.filter((word) => word.startsWith(prefix)));
    expect(completeWord('zzzzz')).toEqual([]);
  });
  test('the list is sorted and has no duplicates', () => {
    expect(WORDS.length).toBe(2048);
    expect([...new Set(WORDS)].sort()).toEqual(WORDS);
  });
  test('every word can be drawn', () => {
    const random = makeRandom(1);
    const seen = new Set(Array.from({ length: 40000 }, () => drawWords(random.bytes)).flat());
    expect(seen.size).toBe(2048);
  });
});

describe('safety phrase', () => {
  const id = (n) => identityFromSeed(new Uint8Array(32).fill(n)).id;
  test('is the same in either order, and different for other IDs', () => {
    const phrase = phraseOf(id(1), id(2));
    expect(phrase.split(' ').length).toBe(12);
    expect(phrase.split(' ').every((word) => WORDS.includes(word))).toBe(true);
    expect(phraseOf(id(2), id(1))).toBe(phrase);
    expect(phraseOf(id(1), id(3))).not.toBe(phrase);
  });
});

describe('the exchange', () => {
  const random = makeRandom(3);
  const person = (n) => ({
    id: identityFromSeed(new Uint8Array(32).fill(n)).id,
    instance: new Uint8Array(8).fill(n),
    name: utf8(`p${n}`),
  });
  const code = { relayId: new Uint8Array(32).fill(9), number: 4821, words: ['copper', 'violin'] };
  function run(ours, theirs) {
    const started = startExchange(theirs, random.bytes(16), random.bytes(32));
    const { keys, message } = answerExchange(ours, started.message, random.bytes(32));
    return { creator: keys, claimer: finishExchange(started, message) };
  }
  test('two sides that know the same words learn who the other is', () => {
    const { creator, claimer } = run(code, code);
    expect(readProof(creator, true, makeProof(claimer, true, person(1)))).toEqual({ ...person(1), name: 'p1' });
    expect(readProof(claimer, false, makeProof(creator, false, person(2)))).toEqual({ ...person(2), name: 'p2' });
    expect(creator.dial).toEqual(claimer.dial);
  });
  test.each([
    ['other words', { ...code, words: ['copper', 'copper'] }],
    ['another number', { ...code, number: 4822 }],
    ['another relay', { ...code, relayId: new Uint8Array(32) }],
  ])('%s: nothing fits', (_, theirs) => {
    const { creator, claimer } = run(code, theirs);
    expect(() => readProof(creator, true, makeProof(claimer, true, person(1)))).toThrow(
      expect.objectContaining({ code: 'ECRYPTO' }),
    );
    expect(creator.dial).not.toEqual(claimer.dial);
  });
  test('a proof that was changed, cut short, reflected or is empty is refused', () => {
    const { creator, claimer } = run(code, code);
    const proof = makeProof(claimer, true, person(1));
    const bad = [
      proof.slice(0, -1),
      proof.slice(0, 32),
      proof.slice(0, 31),
      new Uint8Array(0),
      makeProof(creator, false, person(1)),
    ];
    for (let i = 0; i < proof.length; i++) bad.push(proof.map((byte, at) => (at === i ? byte ^ 1 : byte)));
    bad.push(
      makeProof(claimer, true, { ...person(1), id: new Uint8Array(32) }),
      makeProof(claimer, true, { ...person(1), instance: new Uint8Array(8) }),
    );
    for (const one of bad)
      expect(() => readProof(creator, true, one)).toThrow(expect.objectContaining({ code: 'ECRYPTO' }));
  });
  test('10,000 wrong guesses are all refused', () => {
    const started = startExchange(code, random.bytes(16), random.bytes(32));
    const { keys } = answerExchange(code, started.message, random.bytes(32));
    let accepted = 0;
    for (let i = 0; i < 10000; i++) {
      try {
        readProof(keys, true, random.bytes(32 + (i % 160)));
        accepted++;
      } catch {
        // a wrong guess
      }
    }
    expect(accepted).toBe(0);
  });
});

describe('two engines', () => {
  test('a code pairs two peers, and a session follows', () => {
    const { world, ana, bo, handle, number, words } = made();
    expect(ana.last('code')).toMatchObject({ code: handle, text: formatCode(number, words) });
    expect(ana.last('code').time).toBeGreaterThan(world.now + CODE_LIFETIME_MS - 1000);
    const theirs = claim(bo, number, words);
    world.until(() => ana.last('linked') && bo.last('linked'), 'linked');
    expect(ana.of('paired')).toEqual([
      {
        type: 'paired',
        code: handle,
        id: bo.identity.id,
        instance: bo.instance,
        name: 'bo',
        session: ana.last('linked').session,
      },
    ]);
    expect(bo.of('paired')).toEqual([
      { type: 'paired', code: theirs, id: ana.identity.id, instance: ana.instance, name: 'ana', session: 0 },
    ]);
    expect(bo.of('knock').length + bo.of('invite_claimed').length).toBe(0);
    ana.send(ana.last('linked').session, 'hello');
    world.until(() => bo.texts().includes('hello'), 'message');
    expect(world.plates.size).toBe(0);
    world.pass(CODE_LIFETIME_MS);
    expect([...ana.of('code_ended'), ...bo.of('code_ended')]).toEqual([]);
    for (const peer of [ana, bo]) {
      expect(peer.engine.codes.codes.size + peer.engine.codes.late.length + peer.engine.codes.leaving.length).toBe(0);
      expect(peer.engine.strangers.invites.size).toBe(0);
      expect([...peer.engine.slots.byNumber.values()].length).toBe(1);
    }
  });
  test('a wrong guess ends the code, and both are told', () => {
    const { world, ana, bo, handle, number, words } = made();
    const theirs = claim(bo, number, wrongWords(words));
    world.until(() => ana.last('code_ended') && bo.last('code_ended'), 'ended');
    expect(ana.last('code_ended')).toEqual({
      type: 'code_ended',
      code: handle,
      error: 'EWRONGCODE',
      reason: REASON.WRONG_CODE,
    });
    expect(bo.last('code_ended')).toEqual({
      type: 'code_ended',
      code: theirs,
      error: 'EWRONGCODE',
      reason: REASON.WRONG_CODE,
    });
    expect(bo.engine.strangers.invites.size).toBe(0);
    claim(bo, number, words);
    world.until(() => bo.of('code_ended').length === 2, 'none any more');
    expect(bo.last('code_ended').error).toBe('ENOCODE');
    expect(ana.of('paired').concat(bo.of('paired'), ana.of('session'), bo.of('session'))).toEqual([]);
  });
  test('a number that no code has', () => {
    const { world, bo, number, words } = made();
    claim(bo, number === 9999 ? 1000 : number + 1, words);
    world.until(() => bo.last('code_ended'), 'ended');
    expect(bo.last('code_ended')).toMatchObject({ error: 'ENOCODE', reason: REASON.NO_CODE });
  });
  test('a second claimer is turned away and both users are told; the first continues', () => {
    const { world, ana, bo, handle, number, words } = made();
    const eve = world.peer('eve').start();
    world.until(() => eve.last('online'), 'online');
    let held = null; // the answer to bo, held back until the second claimer has tried
    spy(world, (socket, type, payload) => {
      if (type !== ENVELOPE.ACCEPT || held) return true;
      held = payload;
      return false;
    });
    claim(bo, number, words);
    world.until(() => held, 'seated');
    claim(eve, number, words);
    world.until(() => eve.last('code_ended') && ana.last('code_busy'), 'busy');
    expect(eve.last('code_ended')).toMatchObject({ error: 'EBUSY', reason: REASON.BUSY });
    expect(ana.last('code_busy')).toEqual({ type: 'code_busy', code: handle });
    world.toClient(bo.socket, ENVELOPE.ACCEPT, held, [...bo.engine.slots.byNumber.keys()][0]);
    world.until(() => ana.last('paired') && bo.last('paired'), 'paired');
    expect(ana.of('paired').length + bo.of('paired').length).toBe(2);
  });
  test('a claimer that sends no guess loses the seat, which does not count as a guess', () => {
    const { world, ana, bo, number, words } = made();
    const eve = world.peer('eve').start();
    world.until(() => eve.last('online'), 'online');
    spy(world, (socket, type) => !(type === ENVELOPE.ACCEPT && socket.peer === eve));
    const theirs = claim(eve, number, words);
    world.pass(CODE_SEAT_MS + 100);
    expect([...ana.engine.codes.codes.values()][0].seat?.since ?? Infinity).toBeGreaterThan(CODE_SEAT_MS);
    eve.do('code_cancel', { value: theirs });
    world.pass(100);
    claim(bo, number, words);
    world.until(() => ana.last('paired'), 'paired', 1000);
    expect(ana.last('paired').id).toEqual(bo.identity.id);
  });
  test.each([0, 1, 2, 3, 4, 5])(
    'a claimer whose socket is lost after %i envelopes gets through all the same',
    (after) => {
      const { world, ana, bo, number, words } = made();
      let seen = 0;
      spy(world, (_, type) => {
        if (type === ENVELOPE.CLAIM || type === ENVELOPE.ACCEPT || type === ENVELOPE.DATA || type === ENVELOPE.OFFER)
          if (seen++ === after) world.later(() => world.cut(bo), 0);
      });
      claim(bo, number, words);
      world.until(() => ana.last('linked') && bo.last('linked'), 'linked');
      expect(ana.of('paired').length).toBe(1);
      expect(bo.of('paired').length).toBe(1);
    },
  );
  test.each([0, 1, 2, 3, 4, 5])('a creator whose socket is lost after %i envelopes has its number again', (after) => {
    const { world, ana, bo, number, words } = made();
    let seen = 0;
    spy(world, (_, type) => {
      if (type === ENVELOPE.CLAIM || type === ENVELOPE.ACCEPT || type === ENVELOPE.DATA || type === ENVELOPE.OFFER)
        if (seen++ === after) world.later(() => world.cut(ana), 0);
    });
    const theirs = claim(bo, number, words);
    const guessIsLost = after === 1 || after === 2;
    if (guessIsLost) {
      // A guess that was sent is not repeated: a relay in between would get one guess each time.
      world.pass(60000);
      expect([...ana.of('paired'), ...bo.of('paired'), ...ana.of('code_ended'), ...bo.of('code_ended')]).toEqual([]);
      bo.do('code_cancel', { value: theirs });
      claim(bo, number, words);
    }
    world.until(() => ana.last('linked') && bo.last('linked'), 'linked');
    expect(ana.of('paired').length).toBe(1);
    expect(bo.of('paired').length).toBe(1);
    expect(ana.of('code').length).toBe(1);
  });
  test('a restarted relay learns the number again', () => {
    const { world, ana, bo, number, words } = made();
    world.crash();
    world.pass(1000);
    world.up = true;
    world.until(() => world.plates.has(number), 'registered again');
    claim(bo, number, words);
    world.until(() => ana.last('linked') && bo.last('linked'), 'linked');
    expect(ana.of('code').length).toBe(1);
  });
  test('a claim survives a restarted relay that does not know the number yet', () => {
    const { world, ana, bo, number, words } = made();
    spy(world, (socket, type) => !(type === ENVELOPE.ACCEPT && socket.peer === bo && !world.again));
    claim(bo, number, words);
    world.pass(100);
    const { connect } = world;
    world.connect = (peer) =>
      peer === ana ? world.later(() => connect.call(world, peer), 2500) : connect.call(world, peer);
    world.crash();
    world.up = world.again = true;
    world.until(() => ana.last('paired') && bo.last('paired'), 'paired', 60000);
    expect(bo.of('code_ended')).toEqual([]);
  });
  test('a code ends when another peer has got its number meanwhile', () => {
    const { world, ana, handle, number } = made();
    world.crash();
    world.up = true;
    world.plates.set(number, { owner: 'x', until: Infinity });
    world.until(() => ana.last('code_ended'), 'ended');
    expect(ana.last('code_ended')).toEqual({
      type: 'code_ended',
      code: handle,
      error: 'ENOCODE',
      reason: REASON.NO_CODE,
    });
  });
  test('two who have no room for a session are paired all the same', () => {
    const { world, ana, bo, handle, number, words } = made({}, { sessionsMax: 1 });
    ana.connect(world.peer('eve'));
    bo.do('close', { session: bo.connect(ana) });
    world.until(() => ana.last('knock') && bo.last('session_closed'), 'a knock without a call', 60000);
    claim(bo, number, words);
    world.until(() => ana.last('paired'), 'paired');
    expect(ana.last('paired')).toMatchObject({ code: handle, session: 0 });
    expect(ana.last('offline')).toBeUndefined();
  });
  test('a claimer waits for a creator that is offline, and gives up after ten minutes', () => {
    const { world, ana, bo, number, words } = made();
    world.disconnect(ana);
    world.peers = [bo];
    claim(bo, number, words);
    world.pass(60000);
    expect(bo.last('code_ended')).toBeUndefined();
    world.plates.get(number).until = Infinity;
    world.until(() => bo.last('code_ended'), 'gave up', CODE_LIFETIME_MS);
    expect(bo.last('code_ended')).toMatchObject({ error: 'ETIMEDOUT', reason: REASON.TIMEOUT });
    expect(bo.engine.slots.byNumber.size).toBe(0);
  });
  test('an expired code ends for both sides', () => {
    const { world, ana, bo, number, words } = made();
    const short = ana.do('code_make', { value: 30000 });
    world.until(() => ana.of('code').length === 2, 'code');
    const other = parseCode(ana.last('code').text);
    expect(ana.last('code').time).toBeLessThanOrEqual(world.now + 30000);
    world.until(() => ana.last('code_ended'), 'ended', 31000);
    expect(ana.last('code_ended')).toEqual({
      type: 'code_ended',
      code: short,
      error: 'ETIMEDOUT',
      reason: REASON.TIMEOUT,
    });
    claim(bo, other.number, other.words);
    world.until(() => bo.last('code_ended'), 'ended');
    expect(bo.last('code_ended').error).toBe('ENOCODE');
    claim(bo, number, words);
    world.until(() => ana.last('paired'), 'the other one is still good');
  });
  test('a code made while offline is reported once online', () => {
    const world = new World();
    world.up = false;
    const ana = world.peer('ana').start();
    ana.do('code_make');
    world.pass(5000);
    expect(ana.last('code')).toBeUndefined();
    world.up = true;
    world.until(() => ana.last('code'), 'code', 60000);
  });
  test('a cancelled code does not exist, even when its number arrives later; its claimer is told', () => {
    const { world, ana, bo, handle, number, words } = made();
    const early = ana.do('code_make');
    ana.do('code_cancel', { value: early });
    world.pass(1000);
    expect([...world.plates.keys()]).toEqual([number]);
    spy(world, (socket, type) => !(type === ENVELOPE.ACCEPT && socket.peer === bo));
    claim(bo, number, words);
    world.until(() => ana.engine.codes.codes.get(handle).seat, 'seated');
    ana.do('code_cancel', { value: handle });
    ana.do('code_cancel', { value: handle });
    world.until(() => bo.last('code_ended'), 'told');
    expect(bo.last('code_ended').error).toBe('ENOCODE');
    expect(world.plates.size).toBe(0);
    expect(ana.of('code_ended')).toEqual([]);
  });
  test('a relay that gives no number', () => {
    const { world, ana } = made();
    spy(world, (_, type, payload) => {
      if (type === ENVELOPE.CODE) payload.fill(0, 5);
    });
    const handle = ana.do('code_make');
    world.until(() => ana.last('code_ended'), 'ended');
    expect(ana.last('code_ended')).toEqual({ type: 'code_ended', code: handle, error: 'EAGAIN', reason: REASON.RATE });
  });
  test('a client cannot use its own code', () => {
    const { ana, number, words } = made();
    expect(ana.try('code_claim', { value: number, words }).error).toMatchObject({ code: 'EINVAL' });
  });
  test('the number of codes is limited', () => {
    const { ana } = made();
    for (let i = 0; i < 15; i++) ana.do('code_make');
    expect(ana.try('code_make').error).toMatchObject({ code: 'EAGAIN' });
    expect(ana.try('code_claim', { value: 4821, words: ['copper', 'violin'] }).error).toMatchObject({ code: 'EAGAIN' });
  });
  test('stop ends them all', () => {
    const { world, ana, handle } = made();
    ana.do('stop');
    expect(ana.last('code_ended')).toMatchObject({ code: handle, error: 'ECLOSED' });
    world.pass(1000);
    expect(world.plates.size).toBe(0);
  });
  test("when the creator's proof is lost, its call by the dial secret pairs the two, once", () => {
    const { world, ana, bo, number, words } = made();
    let lost = 0;
    world.loses = (from) => from === ana && ana.of('paired').length === 1 && !ana.last('linked') && lost++ === 0;
    claim(bo, number, words);
    world.until(() => bo.last('linked'), 'linked');
    expect(lost).toBeGreaterThan(0);
    world.pass(60000);
    expect(bo.of('paired')).toEqual([expect.objectContaining({ id: ana.identity.id, name: 'ana' })]);
    expect(bo.engine.strangers.invites.size).toBe(0);
  });
  test('a relay that answers instead of the creator makes a guess: the claimer ends the code', () => {
    const { world, ana, bo, number, words } = made();
    spy(world, (_, type, payload) => {
      if (type === ENVELOPE.ACCEPT) {
        const mine = { relayId: world.identity.id, number, words: wrongWords(words) };
        const start = startExchange(mine, world.random.bytes(16), world.random.bytes(32));
        payload.set(answerExchange(mine, start.message, world.random.bytes(32)).message);
      }
    });
    claim(bo, number, words);
    world.until(() => bo.last('code_ended') && ana.last('code_ended'), 'ended');
    expect(bo.last('code_ended').error).toBe('EWRONGCODE');
    expect(ana.last('code_ended').error).toBe('EWRONGCODE');
    expect(bo.engine.strangers.invites.size).toBe(0);
  });
});

describe('what strangers say', () => {
  const start = (share, version = 1) => encode('code_start', { version, sid: new Uint8Array(16), share });
  const claimOf = (number, exchange) => encode('claim', { number, exchange });
  const RELAY_LINK = 0x80010007;
  const sent = (peer, now) => {
    const out = [];
    for (let m; (m = peer.engine.produce(now, 65543));)
      for (let at = 0; at < m.length;) {
        const length = m[at + 2] * 256 + m[at + 3];
        out.push({ type: m[at], payload: m.slice(at + 8, at + 8 + length) });
        at += 8 + length;
      }
    return out;
  };
  test.each([
    ['a start that is cut short', (n) => claimOf(n, Uint8Array.of(1, 0, 0, 0, 0)), REASON.PROTOCOL, false],
    ['another version', (n) => claimOf(n, start(new Uint8Array(32), 2)), REASON.UNSUPPORTED, false],
    ['another version of another size', (n) => claimOf(n, Uint8Array.of(2, 0)), REASON.UNSUPPORTED, false],
    ['a share that is not a point', (n) => claimOf(n, start(new Uint8Array(32).fill(0xff))), REASON.WRONG_CODE, true],
    ['the neutral element', (n) => claimOf(n, start(new Uint8Array(32))), REASON.WRONG_CODE, true],
    [
      'a number that no code has',
      (n) => claimOf(n === 5000 ? 5001 : 5000, start(new Uint8Array(32))),
      REASON.NO_CODE,
      false,
    ],
  ])('%s', (_, payload, reason, burnt) => {
    const { world, ana, number } = made();
    ana.do('socket_message', { data: makeEnvelope(ENVELOPE.CLAIM, payload(number), RELAY_LINK) });
    const resets = sent(ana, world.now).filter(({ type }) => type === ENVELOPE.RESET);
    expect(resets.map(({ payload: body }) => decode('reset', body).reason)).toEqual([reason]);
    expect(ana.of('code_ended').length).toBe(burnt ? 1 : 0);
    expect(ana.last('offline')).toBeUndefined();
    if (!burnt) expect(ana.engine.codes.codes.values().next().value.seat).toBeNull();
  });
  test.each([
    ['a CLAIM on a link number of this side', makeEnvelope(ENVELOPE.CLAIM, new Uint8Array(60), 0x00010001)],
    ['a CLAIM that is cut short', makeEnvelope(ENVELOPE.CLAIM, new Uint8Array(3), RELAY_LINK)],
    ['another op', makeEnvelope(ENVELOPE.CODE, encode('code', { op: 9, tag: 1, number: 0, lifetime_ms: 0 }))],
    [
      'a number out of range',
      makeEnvelope(ENVELOPE.CODE, encode('code', { op: 1, tag: 2, number: 5, lifetime_ms: 0 })),
    ],
  ])('%s is the relay breaking the protocol', (_, data) => {
    const { world, ana } = made();
    ana.do('code_make');
    world.flush();
    ana.do('socket_message', { data });
    expect(ana.last('offline')).toMatchObject({ error: 'EPROTOCOL' });
  });
  test.each([
    ['another version', (payload) => payload.fill(2, 0, 1), REASON.UNSUPPORTED],
    ['another version of another size', () => Uint8Array.of(2, 0), REASON.UNSUPPORTED],
    ['an answer that is cut short', (payload) => payload.subarray(0, 5), REASON.PROTOCOL],
  ])('the answer to a claim is %s', (_, change, reason) => {
    const { world, bo, number, words } = made();
    const { toClient } = world;
    world.toClient = function (socket, type, payload, ...rest) {
      toClient.call(this, socket, type, type === ENVELOPE.ACCEPT ? change(payload) : payload, ...rest);
    };
    claim(bo, number, words);
    world.until(() => bo.last('code_ended'), 'ended');
    expect(bo.last('code_ended')).toMatchObject({ error: 'EPROTOCOL', reason });
    expect(bo.engine.codes.codes.size).toBe(0);
  });
  test('a guess before the exchange, an answer to nothing, a second answer', () => {
    const { world, ana, bo, number, words } = made();
    claim(bo, number, words);
    const link = [...bo.engine.slots.byNumber.keys()][0];
    bo.do('socket_message', { data: makeEnvelope(ENVELOPE.DATA, new Uint8Array(40), link) });
    expect(bo.last('code_ended')).toMatchObject({ reason: REASON.PROTOCOL });
    expect(ana.last('code_ended')).toBeUndefined();
    claim(bo, number, words);
    world.until(() => bo.of('code_ended').length === 1 && bo.last('paired'), 'paired');
  });
});
