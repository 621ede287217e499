/** Pairing codes between two JavaScript clients through the real relay. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatCode } from '../../web/client/core/code.js';
import { parseCode, safetyPhrase, words } from '../../web/client/index.js';
import { clientsOf, event, online } from '../support/js_client.js';
import { SHORT_TIMERS, startRelay } from '../support/relay.js';

let relay;
const clients = clientsOf(() => relay);
beforeAll(async () => {
  // Wrong tries are counted by address, and all of these come from one.
  relay = await startRelay({
    args: [
      ...SHORT_TIMERS,
      '--limit',
      'CODE_MISSES_PER_MINUTE=1000',
      '--limit',
      'CLAIMS_PER_MINUTE=10000',
      '--limit',
      'CODES_PER_MINUTE=1000',
    ],
  });
});
afterAll(async () => {
  clients.stopAll();
  await relay.stop();
});

const make = async (name) => online(await clients.make({ name }));
const makeCode = async (client, options) => {
  const code = client.createCode(options);
  await event(code, 'code');
  return code;
};
/** Returns the code with other words. */
function wrong(text, by = 1) {
  const {
    number,
    words: [first, second],
  } = parseCode(text);
  return formatCode(number, [words[(words.indexOf(first) + by) % words.length], second]);
}

describe('a code', () => {
  test('pairs two strangers, each sure of the other, who then talk', async () => {
    const [ana, bo] = await Promise.all([make('Ana'), make('Bo')]);
    const code = await makeCode(ana);
    expect(code.text).toMatch(/^[0-9]{4,7}-[a-z]+-[a-z]+$/);
    const paired = event(code, 'paired');
    const incoming = event(bo, 'session');
    const theirs = bo.claimCode(`  ${code.text.toUpperCase().replaceAll('-', ' ')} `);
    expect(theirs.text).toBe(code.text);
    const [{ id, name, session }, other, seen] = await Promise.all([paired, incoming, event(theirs, 'paired')]);
    expect([id, name]).toEqual([bo.id, 'Bo']);
    expect(seen).toEqual({ id: ana.id, name: 'Ana', session: null });
    expect([other.id, other.name]).toEqual([ana.id, 'Ana']);
    const got = event(other, 'message');
    await session.send('hello');
    expect(new TextDecoder().decode((await got).data)).toBe('hello');
    expect(safetyPhrase(ana.id, bo.id)).toBe(safetyPhrase(bo.id, ana.id));
    expect([code.state, theirs.state]).toEqual(['paired', 'paired']);
    const again = bo.claimCode(code.text);
    expect(await event(again, 'ended')).toEqual({ error: 'ENOCODE', reason: 'NO_CODE' });
  });
  test('is burnt by a wrong guess, and both are told', async () => {
    const [ana, bo] = await Promise.all([make('Ana'), make('Bo')]);
    const code = await makeCode(ana);
    const over = event(code, 'ended');
    const theirs = bo.claimCode(wrong(code.text));
    expect(await event(theirs, 'ended')).toEqual({ error: 'EWRONGCODE', reason: 'WRONG_CODE' });
    expect(await over).toEqual({ error: 'EWRONGCODE', reason: 'WRONG_CODE' });
    expect(await event(bo.claimCode(code.text), 'ended')).toEqual({ error: 'ENOCODE', reason: 'NO_CODE' });
  });
  test('accepts none of 20 wrong guesses', async () => {
    const [ana, eve] = await Promise.all([make('Ana'), make('Eve')]);
    let accepted = 0;
    for (const client of [ana, eve]) client.on('session', () => accepted++);
    for (let i = 1; i <= 20; i++) {
      const code = await makeCode(ana);
      code.on('paired', () => accepted++);
      const over = event(code, 'ended');
      const guess = eve.claimCode(wrong(code.text, i));
      guess.on('paired', () => accepted++);
      expect(await event(guess, 'ended')).toEqual({ error: 'EWRONGCODE', reason: 'WRONG_CODE' });
      expect((await over).error).toBe('EWRONGCODE');
    }
    expect(accepted).toBe(0);
  });
  test('turns a second claimer away while the first is using it, and both people are told', async () => {
    const [ana, bo, eve] = await Promise.all([make('Ana'), make('Bo'), make('Eve')]);
    const code = await makeCode(ana);
    // The first claimer takes the seat; its guess is held back here.
    const { takeAnswer } = bo.engine.codes;
    const seated = new Promise((resolve) => {
      bo.engine.codes.takeAnswer = (...answer) => resolve(answer);
    });
    const first = bo.claimCode(code.text);
    const answer = await seated;
    const busy = event(code, 'busy');
    expect(await event(eve.claimCode(code.text), 'ended')).toEqual({ error: 'EBUSY', reason: 'BUSY' });
    await busy;
    const paired = event(code, 'paired');
    takeAnswer.apply(bo.engine.codes, answer);
    bo.schedule();
    expect((await paired).id).toBe(bo.id);
    expect((await event(first, 'paired')).id).toBe(ana.id);
  });
  test('survives a restart of the relay with the same number', async () => {
    const [ana, bo] = await Promise.all([make('Ana'), make('Bo')]);
    const code = await makeCode(ana);
    const back = [event(ana, 'online'), event(bo, 'online')];
    await relay.restart({ hard: true });
    await Promise.all(back);
    const paired = event(code, 'paired');
    const attempt = () => {
      const theirs = bo.claimCode(code.text);
      return Promise.race([event(theirs, 'paired'), event(theirs, 'ended')]);
    };
    // The code does not exist until the relay knows the number again, perhaps at another worker.
    let end = await attempt();
    while (end.error === 'ENOCODE') end = await attempt();
    expect(end.id).toBe(ana.id);
    expect((await paired).id).toBe(bo.id);
  });
  test('ends when it expires and when it is cancelled', async () => {
    const [ana, bo] = await Promise.all([make('Ana'), make('Bo')]);
    const short = ana.createCode({ lifetimeMs: 300 });
    expect(await event(short, 'ended')).toEqual({ error: 'ETIMEDOUT', reason: 'TIMEOUT' });
    const code = await makeCode(ana);
    code.cancel();
    expect(await event(bo.claimCode(code.text), 'ended')).toEqual({ error: 'ENOCODE', reason: 'NO_CODE' });
    expect(code.state).toBe('ended');
  });
  test('refuses text that is not a code right away', async () => {
    const bo = await make('Bo');
    expect(() => bo.claimCode('4821-copper')).toThrow(expect.objectContaining({ code: 'ECODE' }));
    expect(() => bo.claimCode('4821-copper-notaword')).toThrow(expect.objectContaining({ code: 'ECODE' }));
  });
});
