/** Rules about what is over: sessions that ended, engines that stopped (docs/protocol.md, section 6, "End"). */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSodium } from '../core/sodium.js';
import { pair } from './model.js';

beforeAll(loadSodium);

describe('what is over stays silent', () => {
  test('a session that ended tells nothing more, though its peer calls again and reports', () => {
    const { world, ana, bo, session, other } = pair();
    bo.autoTake = false;
    ana.send(session, 'taken late');
    world.until(() => bo.messages.length, 'message');
    world.crash();
    bo.do('take', { session: other, channel: 0, place: 11 });
    ana.do('close', { session });
    world.until(() => ana.last('session_closed'), 'nobody answered', 20000);
    world.up = true;
    const end = ana.events.length;
    world.until(() => bo.last('session_closed'), 'the peer hears of the end', 60000);
    const told = ana.events
      .slice(end)
      .filter((event) => event.session !== undefined && event.type !== 'session_closed');
    expect(told).toEqual([]);
    expect(ana.of('session_closed').length).toBe(1);
  });
  test('a session that had no link for too long is forgotten: its peer starts a new one', () => {
    const { world, ana, bo, session } = pair({}, { sessionTimeoutMs: 2000 });
    ana.do('allow', { peer: bo.identity.id });
    world.loses = () => true;
    world.cut(ana);
    world.until(() => ana.last('session_closed'), 'timed out', 60000);
    expect(ana.last('session_closed')).toMatchObject({ session, error: 'ETIMEDOUT' });
    world.loses = () => false;
    world.until(() => ana.last('session'), 'the peer calls', 60000);
    world.pass(1000);
    expect(bo.of('session_closed')).toEqual([]);
    expect(bo.last('linked')).toBeTruthy();
  });
  test('an engine that stopped waits for nothing', () => {
    const { world, ana, bo } = pair();
    ana.do('code_make');
    world.until(() => ana.last('code'), 'code');
    const [number, ...words] = ana.last('code').text.split('-');
    bo.do('code_claim', { value: Number(number), words });
    world.until(() => bo.last('paired') && ana.last('paired'), 'paired');
    for (const peer of [ana, bo]) {
      peer.do('stop');
      expect(peer.engine.deadline()).toBe(Infinity);
      expect([peer.engine.codes.late.length, peer.engine.codes.leaving.length]).toEqual([0, 0]);
    }
  });
});
