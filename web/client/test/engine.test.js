/** Two engines over a model of the relay: pairing, strangers, invites, login. */
import { beforeAll, describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../core/bytes.js';
import { identityFromSeed } from '../core/identity.js';
import { decode, encode, makeEnvelope } from '../core/wire.js';
import { loadSodium } from '../core/sodium.js';
import { ENVELOPE, PEERS_ALLOW, PEERS_BLOCK, PEERS_FORGET, REASON } from '../wire_table.js';
import { World, pair } from './model.js';

beforeAll(loadSodium);

const reset = (reason) => makeEnvelope(ENVELOPE.RESET, encode('reset', { reason, text: utf8('why') }));

describe('login', () => {
  test('goes online with the relay that it pinned', () => {
    const world = new World();
    const ana = world.peer('ana', { relayId: world.identity.id }).start();
    world.until(() => ana.last('online'), 'online');
    expect(toHex(ana.last('online').id)).toBe(toHex(world.identity.id));
  });
  test('another relay key is an error for the user, and is never tried again', () => {
    const world = new World();
    const ana = world.peer('ana', { relayId: world.random.bytes(32) }).start();
    world.until(() => ana.last('offline'), 'offline');
    expect(ana.last('relay_changed').id).toEqual(world.identity.id);
    expect(ana.last('offline')).toMatchObject({ error: 'ERELAYKEY', time: Infinity });
    world.pass(600000);
    expect(ana.of('connect').length).toBe(1);
  });
  test('a wrong signature of the relay is refused for good', () => {
    const world = new World();
    const sign = world.login;
    world.login = function (socket, payload) {
      const { toClient } = this;
      this.toClient = (s, type, body, ...rest) => {
        if (type === ENVELOPE.WELCOME) body[body.length - 1] ^= 1;
        toClient.call(this, s, type, body, ...rest);
      };
      sign.call(this, socket, payload);
      this.toClient = toClient;
    };
    const ana = world.peer('ana').start();
    world.until(() => ana.last('offline'), 'offline');
    expect(ana.last('offline')).toMatchObject({ error: 'ECRYPTO', time: Infinity });
    world.pass(600000);
    expect(ana.of('connect').length).toBe(1);
    expect(ana.last('online')).toBeUndefined();
  });
  test('retries with growing waits, then every half minute, and immediately when the network is back', () => {
    const world = new World();
    world.up = false;
    const ana = world.peer('ana').start();
    world.pass(600000);
    const waits = ana.of('offline').map(({ time }, i) => time - (ana.of('offline')[i - 1]?.time ?? 0));
    expect(waits.length).toBeGreaterThan(20);
    expect(Math.max(...waits.slice(1))).toBeLessThan(31000);
    world.up = true;
    const { time } = ana.last('offline');
    expect(time).toBeGreaterThan(world.now);
    ana.do('network_up');
    world.until(() => ana.last('online'), 'online', 1000);
  });
  test.each([
    [REASON.DENIED, 'EDENIED'],
    [REASON.REVOKED, 'EDENIED'],
    [REASON.ORIGIN, 'EDENIED'],
  ])('terminal reason %i of the relay', (reason, error) => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    ana.do('socket_message', { data: reset(reason) });
    expect(ana.last('offline')).toMatchObject({ error, reason, time: Infinity });
    world.pass(600000);
    expect(ana.of('connect').length).toBe(1);
  });
  test.each(['start', 'network_up'])('after a terminal reason, %s tries again', (type) => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    ana.do('socket_message', { data: reset(REASON.DENIED) });
    ana.do(type);
    world.until(() => ana.of('online').length === 2, 'online again');
  });
  test('a second start changes nothing, and after stop it is an error', () => {
    const world = new World();
    world.up = false;
    const ana = world.peer('ana').start();
    ana.do('start');
    world.until(() => ana.last('offline'), 'offline');
    ana.do('start');
    expect(ana.of('connect').length).toBe(1);
    ana.do('stop');
    expect(ana.try('start').error?.code).toBe('ESTATE');
  });
  test('what a socket did not take before it was left is not sent on the next one', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    const { socket } = ana;
    ana.socket = null; // it takes nothing any more
    ana.do('network_up');
    world.until(() => ana.last('offline'), 'offline', 60000);
    world.gone(socket);
    world.until(() => ana.of('connect').length === 2, 'the next socket', 60000);
    expect(ana.engine.hasOutput()).toBe(false);
    world.until(() => ana.of('online').length === 2, 'online again', 60000);
  });
  test('a silent socket is given up', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    world.toClient = () => {};
    world.until(() => ana.last('offline'), 'offline', 60000);
    expect(ana.last('offline')).toMatchObject({ error: 'ENETWORK', reason: REASON.TIMEOUT });
  });
  test('pings the relay immediately after a sleep', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    world.now += 40000;
    ana.do('network_up');
    const sent = ana.engine.produce(world.now, 65543);
    expect(sent[0]).toBe(ENVELOPE.PING);
  });
  test.each([2000, 9000, 25000, 52000, 3600000])(
    'stopped for %i ms beyond a deadline, it reads before it judges',
    (ms) => {
      const world = new World();
      const ana = world.peer('ana').start();
      world.until(() => ana.last('online'), 'online');
      let pongs = 0;
      const { toClient } = world;
      world.toClient = function (socket, type, ...rest) {
        pongs += type === ENVELOPE.PONG;
        toClient.call(this, socket, type, ...rest);
      };
      world.until(() => pongs, 'an answer on its way');
      world.now = ana.engine.deadline() + ms;
      ana.do('time'); // as a timer that fires before the socket is read
      expect(ana.last('offline')).toBeUndefined();
      expect(ana.engine.deadline()).toBeGreaterThan(world.now);
      world.pass(60000);
      expect(ana.last('offline')).toBeUndefined();
    },
  );
  test('a dead relay is noticed by a host that is always late', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    for (let n = 0; n < 20 && !ana.last('offline'); n++) {
      world.now += 10000;
      ana.do('time');
      ana.engine.deadline();
    }
    expect(ana.last('offline')).toMatchObject({ error: 'ENETWORK', reason: REASON.TIMEOUT });
  });
  test('a stop during the login does not end it', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.engine.relay.state === 'hello', 'a socket');
    ana.engine.deadline();
    world.now += 50000;
    ana.do('time');
    expect(ana.last('offline')).toBeUndefined();
    world.until(() => ana.last('online'), 'online', 500);
    world.pass(60000);
    expect(ana.last('offline')).toBeUndefined();
  });
  test('however often the network is reported to be back, there is one PING and one wait of five seconds', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    let pings = 0;
    let lost = false;
    const { take } = world;
    world.take = function (socket, envelope) {
      const ping = envelope.type === ENVELOPE.PING;
      pings += ping;
      if (!ping || !lost) take.call(this, socket, envelope);
    };
    for (let n = 0; n < 1000; n++) ana.do('network_up');
    world.pass(15000);
    expect(pings).toBe(1);
    expect(ana.last('offline')).toBeUndefined();
    lost = true;
    const told = world.now;
    while (!ana.last('offline')) {
      ana.do('network_up');
      world.pass(100);
      expect(world.now).toBeLessThanOrEqual(told + 5100);
    }
    expect(world.now).toBeGreaterThanOrEqual(told + 5000);
  });
  test('after WELCOME alone the waits keep growing; a connection that lasted or carried data is restored soon', () => {
    const { world, ana, bo } = pair();
    const cut = () => {
      world.cut(ana);
      return ana.last('offline').time - world.now;
    };
    for (let n = 0; n < 20; n++) {
      expect(cut()).toBeLessThanOrEqual(250); // each carried the session
      const linked = ana.of('linked').length;
      world.until(() => ana.of('linked').length > linked, 'linked');
    }
    bo.do('stop');
    ana.do('close', { session: ana.last('linked').session });
    world.pass(30000);
    expect(cut()).toBeLessThanOrEqual(250); // it lasted
    const before = ana.of('online').length;
    for (const end = world.now + 120000; world.now < end; world.pass(10)) if (ana.engine.relay.online) cut();
    const logins = ana.of('online').length - before;
    expect(logins).toBeGreaterThan(10);
    expect(logins).toBeLessThan(60);
  });
  test('moves when the relay is going away', () => {
    const { world, ana, bo, session } = pair();
    ana.do('socket_message', {
      data: makeEnvelope(
        ENVELOPE.GOING_AWAY,
        encode('going_away', { delay_ms: 2000, urls: utf8('ws://other.test:1\nhttp://no') }),
      ),
    });
    world.until(() => ana.of('online').length === 2, 'moved', 10000);
    expect(ana.of('connect')[1]).toMatchObject({ url: 'ws://other.test:1' });
    ana.send(session, 'still here');
    world.until(() => bo.texts().length, 'message');
  });
  test('tries the named addresses and the configured one in turn', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    ana.do('socket_message', {
      data: makeEnvelope(
        ENVELOPE.GOING_AWAY,
        encode('going_away', {
          delay_ms: 0,
          urls: utf8('wss://other-scheme.test\nws://a.test\nws://b c\nws://b.test'),
        }),
      ),
    });
    world.until(() => ana.of('connect').length === 2, 'first');
    for (let n = 3; n < 6; n++) {
      ana.do('socket_closed', { error: 'ENETWORK' });
      world.until(() => ana.of('connect').length === n, 'next', 20000);
    }
    expect(ana.of('connect').map(({ url }) => url)).toEqual([
      undefined,
      'ws://a.test',
      'ws://b.test',
      undefined,
      'ws://a.test',
    ]);
  });
});

describe('lists at the relay', () => {
  const spy = (world) => {
    const told = [];
    const { take } = world;
    world.take = function (socket, envelope) {
      if (envelope.type === ENVELOPE.PEERS) {
        const { op, ids } = decode('peers', envelope.payload);
        told.push([op, ids.length, toHex(ids[0].id)]);
      }
      return take.call(this, socket, envelope);
    };
    return told;
  };
  const someone = (seed) => identityFromSeed(new Uint8Array(32).fill(seed)).id;
  test('each change is sent once', () => {
    const world = new World();
    const told = spy(world);
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online'), 'online');
    const peer = someone(9);
    for (const type of ['allow', 'allow', 'deny', 'deny', 'block', 'block', 'allow']) ana.do(type, { peer });
    world.pass(1000);
    expect(told).toEqual([PEERS_ALLOW, PEERS_FORGET, PEERS_BLOCK, PEERS_ALLOW].map((op) => [op, 1, toHex(peer)]));
  });
  test('all IDs are sent after each login, blocked ones first', () => {
    const world = new World();
    const told = spy(world);
    const ana = world.peer('ana');
    for (let seed = 1; seed <= 40; seed++) ana.do('allow', { peer: someone(seed) });
    ana.do('block', { peer: someone(50) });
    ana.start();
    world.until(() => ana.last('online'), 'online');
    world.pass(1000);
    expect(told.map(([op, count]) => [op, count])).toEqual([
      [PEERS_BLOCK, 1],
      [PEERS_ALLOW, 32],
      [PEERS_ALLOW, 8],
    ]);
  });
});

describe('pairing', () => {
  test('two peers exchange messages', () => {
    const { world, ana, bo, session, other } = pair();
    ana.send(session, 'hello');
    bo.send(other, 'good day');
    world.until(() => bo.texts().length && ana.texts().length, 'messages');
    expect(bo.texts()).toEqual(['hello']);
    expect(ana.texts()).toEqual(['good day']);
    world.until(() => ana.last('delivered'), 'receipt');
    expect(ana.last('delivered')).toMatchObject({ channel: 0, place: 6 });
    expect(bo.last('session')).toMatchObject({ text: 'test/1', name: 'ana' });
    expect(ana.last('linked')).toMatchObject({ text: 'test/1', name: 'bo' });
    expect(toHex(ana.last('linked').instance)).toBe(toHex(bo.instance));
  });
  test('a name that changes is seen when the next session is linked', () => {
    const { world, ana, bo } = pair();
    const cem = world.peer('cem', { acceptAll: true }).start();
    ana.engine.setName('Ana Maria');
    ana.connect(cem);
    world.until(() => cem.last('linked'), 'linked');
    expect(cem.last('session')).toMatchObject({ name: 'Ana Maria' });
    expect(bo.of('session')).toHaveLength(1);
  });
  test('waits for a peer that is not there yet', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    const bo = world.peer('bo', { acceptAll: true });
    const session = ana.connect(bo);
    ana.send(session, 'early');
    world.until(() => ana.of('unlinked').length >= 5, 'attempts');
    expect(ana.last('unlinked')).toMatchObject({ reason: REASON.UNAVAILABLE });
    expect(ana.last('unlinked').time).toBeLessThan(Infinity);
    bo.start();
    world.until(() => bo.texts().length, 'message', 30000);
  });
  test('connecting twice is one session', () => {
    const { ana, bo, session } = pair();
    expect(ana.connect(bo)).toBe(session);
  });
  test('both call at the same time: one session each, nothing lost', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World({ seed });
      const [ana, bo] = ['ana', 'bo'].map((name) => world.peer(name).start());
      world.until(() => ana.last('online') && bo.last('online'), 'online');
      const [a, b] = [ana.connect(bo), bo.connect(ana)];
      ana.send(a, 'from ana');
      bo.send(b, 'from bo');
      world.until(() => ana.texts().length && bo.texts().length, 'messages');
      for (const peer of [ana, bo]) expect(peer.engine.slots.byNumber.size).toBe(1); // the other call is withdrawn
      world.pass(30000);
      expect([ana.texts(), bo.texts()]).toEqual([['from bo'], ['from ana']]);
      expect(ana.engine.entries.size + bo.engine.entries.size).toBe(2);
      expect([ana.of('session').length, bo.of('session').length]).toEqual([0, 0]);
      expect(ana.sessionOf(a).links.length).toBe(1);
      expect(ana.engine.slots.byNumber.size).toBe(1);
    }
  });
  test('one identity used twice: each instance has its own session', () => {
    const world = new World();
    const bo = world.peer('bo', { acceptAll: true }).start();
    const one = world.peer('ana').start();
    const two = world.peer('ana too', { seed: one.seed }).start();
    one.send(one.connect(bo), 'one');
    two.send(two.connect(bo), 'two');
    world.until(() => bo.texts().length === 2, 'both');
    expect(bo.of('session').length).toBe(2);
  });
  for (const lost of [false, true])
    test(`while any instance is called, another one calls${lost ? ' and is lost' : ''}: the session is with that one`, () => {
      const world = new World();
      const one = world.peer('ana').start();
      const two = world.peer('ana too', { seed: one.seed }).start();
      let bo = world.peer('bo', { acceptAll: true });
      // The larger side accepts immediately.
      while (toHex(bo.identity.id) < toHex(one.identity.id)) bo = world.peer('bo', { acceptAll: true });
      bo.start();
      world.until(() => [one, two, bo].every((peer) => peer.last('online')), 'online');
      for (const peer of [one, two]) peer.do('allow', { peer: bo.identity.id });
      const { socket } = two; // the newest listener is called, and is slow to answer
      two.socket = null;
      const late = [];
      const { toClient } = world;
      world.toClient = function (to, ...rest) {
        if (to === socket) late.push(rest);
        else toClient.call(this, to, ...rest);
      };
      const session = bo.connect(one);
      bo.send(session, 'for whoever comes');
      world.pass(100);
      one.connect(bo);
      world.until(() => bo.last('linked'), 'linked');
      expect(toHex(bo.last('linked').instance)).toBe(toHex(one.instance));
      if (lost) {
        // This one does not call by itself.
        const again = world.peer('ana again', { seed: one.seed, instance: one.instance, acceptAll: true });
        world.peers = world.peers.filter((peer) => peer !== one);
        again.start();
        world.until(() => again.last('online') && bo.last('unlinked'), 'back');
      }
      two.socket = socket;
      world.toClient = toClient;
      for (const rest of late) world.toClient(socket, ...rest);
      world.pass(20000);
      if (lost) {
        expect(bo.of('linked').length).toBe(2);
        return;
      }
      bo.send(session, 'goes on');
      world.until(() => one.texts().length === 2, 'both messages');
      expect(two.of('session')).toEqual([]);
      expect(bo.of('stream_reset').length + bo.of('unlinked').length).toBe(0);
    });
  test('a call made while a link is not confirmed goes to the instance of that link', () => {
    const { world, ana, bo, session } = pair({}, { listen: false });
    ana.send(session, 'before');
    world.until(() => ana.last('delivered'), 'receipt');
    world.cut(bo);
    bo.begin(); // its state is lost, so the first HELLO on each link is not in step
    bo.events = [];
    bo.messages = [];
    world.loses = (peer) => peer === bo;
    bo.start();
    const again = bo.connect(ana);
    world.pass(8000);
    world.loses = () => false;
    world.until(() => bo.last('linked'), 'linked');
    expect(bo.last('linked').session).toBe(again);
    expect(toHex(bo.last('linked').instance)).toBe(toHex(ana.instance));
    world.cut(ana);
    ana.send(session, 'after');
    world.until(() => bo.texts().length, 'message');
    expect(bo.messages[0].session).toBe(again);
    expect(bo.of('session')).toEqual([]);
  });
  test('a wrong answer that decrypts ends the session: only the peer can have sent it', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    const bo = world.peer('bo', { acceptAll: true }).start();
    world.until(() => ana.last('online') && bo.last('online'), 'online');
    bo.engine.config.instance = new Uint8Array(8); // an instance that nobody has
    const place = ana.send(ana.connect(bo), 'unheard');
    world.until(() => ana.last('session_closed'), 'closed');
    expect(ana.last('session_closed')).toMatchObject({ error: 'EPROTOCOL', reason: REASON.PROTOCOL });
    expect(ana.last('lost').place).toBe(place);
  });
  test.each([REASON.REFUSED, REASON.PROTOCOL, REASON.UNSUPPORTED, REASON.REVOKED])(
    'a call may be refused for good: %i',
    (reason) => {
      const world = new World();
      const ana = world.peer('ana').start();
      const bo = world.peer('bo').start();
      world.until(() => ana.last('online') && bo.last('online'), 'online');
      world.takeOpen = (socket, number) =>
        world.toClient(socket, ENVELOPE.RESET, encode('reset', { reason, text: new Uint8Array(0) }), number);
      const place = ana.send(ana.connect(bo), 'unheard');
      world.until(() => ana.last('session_closed'), 'closed');
      expect(ana.last('session_closed')).toMatchObject({ reason });
      expect(ana.last('lost').place).toBe(place);
    },
  );
  test('an invalid ID is refused', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    expect(() => ana.do('connect', { peer: new Uint8Array(32) })).toThrow(expect.objectContaining({ code: 'EID' }));
  });
});

describe('strangers', () => {
  const knocking = () => {
    const world = new World();
    const ana = world.peer('ana').start();
    const bo = world.peer('bo').start();
    const session = ana.connect(bo);
    ana.send(session, 'may I come in?');
    world.until(() => bo.last('knock'), 'knock');
    return { world, ana, bo, session };
  };
  test('a knock is reported once, with the name', () => {
    const { world, ana, bo } = knocking();
    expect(toHex(bo.last('knock').id)).toBe(toHex(ana.identity.id));
    expect(bo.last('knock').name).toBe('ana');
    world.pass(20000);
    expect(bo.of('knock').length).toBe(1);
    expect(bo.of('session').length).toBe(0);
  });
  test('allowed while the call waits: accepted immediately', () => {
    const { world, ana, bo } = knocking();
    const at = world.now;
    bo.do('allow', { peer: ana.identity.id });
    world.until(() => bo.texts().length, 'message');
    expect(world.now - at).toBeLessThan(1000);
    expect(bo.of('session').length).toBe(1);
  });
  test('allowed later: called back', () => {
    const { world, ana, bo } = knocking();
    ana.engine.relay.networkUp = () => {};
    world.until(
      () => bo.engine.strangers.knocks.size && ![...bo.engine.strangers.knocks.values()][0].link,
      'the call ended',
      10000,
    );
    bo.do('allow', { peer: ana.identity.id });
    expect(bo.of('session').length).toBe(0); // there is nothing to tell before the peer answers
    world.until(() => bo.texts().length, 'message', 10000);
    expect(bo.of('session').length).toBe(1);
    expect(ana.engine.entries.size).toBe(1);
  });
  test('denied: gets no answer, and is not reported again until that is taken back', () => {
    const { world, ana, bo, session } = knocking();
    bo.do('deny', { peer: ana.identity.id });
    world.pass(60000);
    expect(bo.of('knock').length).toBe(1);
    expect(ana.last('unlinked').reason).toBe(REASON.UNAVAILABLE);
    expect(ana.engine.entries.has(session)).toBe(true);
    world.pass(600000);
    expect(bo.of('knock').length).toBe(1);
    bo.do('forget', { peer: ana.identity.id });
    world.until(() => bo.of('knock').length === 2, 'asks again', 60000);
  });
  test('refused: is told so each time, and is not reported', () => {
    const { world, ana, bo } = knocking();
    bo.do('refuse', { peer: ana.identity.id });
    world.until(() => ana.last('session_closed'), 'told so', 60000);
    expect(ana.last('session_closed')).toMatchObject({ error: 'EREFUSED', reason: REASON.REFUSED });
    ana.connect(bo);
    world.until(() => ana.of('session_closed').length === 2, 'told so again', 60000);
    expect([bo.of('knock').length, bo.of('session').length]).toEqual([1, 0]);
    bo.do('allow', { peer: ana.identity.id });
    ana.connect(bo);
    world.until(() => ana.last('linked'), 'linked', 60000);
  });
  test('refused while its session is away: the application hears so with each call, and the session stays', () => {
    const { world, ana, bo, session } = knocking();
    bo.do('allow', { peer: ana.identity.id });
    world.until(() => ana.last('linked'), 'linked', 60000);
    world.disconnect(bo);
    world.pass(1000);
    const again = world.peer('bo again', { seed: bo.seed, instance: bo.engine.config.instance }).start();
    again.do('refuse', { peer: ana.identity.id });
    world.until(() => ana.last('unlinked').reason === REASON.REFUSED, 'told so', 60000);
    expect([ana.engine.entries.has(session), again.of('knock').length]).toEqual([true, 0]);
  });
  test('refused, but blocked before: is told nothing', () => {
    const { world, ana, bo } = knocking();
    for (const word of ['block', 'refuse', 'deny']) bo.do(word, { peer: ana.identity.id });
    world.pass(60000);
    expect([ana.of('session_closed').length, bo.of('knock').length]).toEqual([0, 1]);
  });
  test('the last 1,024 of those who are ignored or refused are kept, and blocked ones beside them', () => {
    const someone = (i) => identityFromSeed(Uint8Array.from({ length: 32 }, (_, k) => i >> (8 * k))).id;
    const bo = new World().peer('bo').start();
    const { turnedAway, blocked } = bo.engine.strangers;
    bo.do('block', { peer: someone(5000) });
    for (let i = 0; i < 1024; i++) bo.do(i % 2 ? 'deny' : 'refuse', { peer: someone(i) });
    bo.do('deny', { peer: someone(0) }); // the newest now
    bo.do('deny', { peer: someone(1024) });
    expect([turnedAway.size, blocked.size]).toEqual([1024, 1]);
    const gone = [0, 1, 2].filter((i) => !turnedAway.has(toHex(someone(i))));
    expect(gone).toEqual([1]);
  });
  test('blocked: never reported again', () => {
    const { world, ana, bo } = knocking();
    bo.do('block', { peer: ana.identity.id });
    world.pass(1200000);
    expect(bo.of('knock').length).toBe(1);
    expect(bo.of('session').length).toBe(0);
  });
  test('blocked after its call was accepted: its first record starts no session', () => {
    const world = new World();
    const ana = world.peer('ana').start();
    const bo = world.peer('bo').start();
    bo.do('allow', { peer: ana.identity.id });
    world.until(() => ana.last('online') && bo.last('online'), 'online');
    world.loses = () => true;
    ana.connect(bo);
    world.until(() => [...bo.engine.slots.byNumber.values()].some(({ state }) => state === 'accepted'), 'accepted');
    bo.do('block', { peer: ana.identity.id });
    world.loses = () => false;
    world.pass(60000);
    expect(bo.of('session').length + bo.of('knock').length).toBe(0);
  });
  test('after the end of the session a stranger knocks again', () => {
    const { world, ana, bo } = knocking();
    bo.do('allow', { peer: ana.identity.id });
    world.until(() => bo.last('session'), 'session');
    bo.do('forget', { peer: ana.identity.id });
    bo.do('close', { session: bo.last('session').session });
    world.until(() => ana.last('session_closed'), 'closed');
    ana.connect(bo);
    world.pass(60000);
    expect(bo.of('knock').length).toBe(2);
    expect(bo.of('session').length).toBe(1);
  });
  test('an unanswered call ends after the same time, whatever the cause', () => {
    const ends = ['nobody', 'denied', 'blocked', 'ignored'].map((cause) => {
      const world = new World();
      const ana = world.peer('ana').start();
      const bo = world.peer('bo');
      if (cause !== 'nobody') bo.start();
      if (cause === 'denied') bo.do('deny', { peer: ana.identity.id });
      if (cause === 'blocked') bo.do('block', { peer: ana.identity.id });
      world.until(() => ana.last('online'), 'online');
      world.pass(100);
      const at = world.now;
      ana.connect(bo);
      world.until(() => ana.last('unlinked'), 'end');
      return world.now - at;
    });
    expect(new Set(ends).size).toBe(1);
  });
});

describe('invites', () => {
  const secret = Uint8Array.from({ length: 16 }, (_, i) => i);
  const invited = (lifetime = 60000) => {
    const world = new World();
    const bo = world.peer('bo').start();
    bo.do('invite_add', { secret, place: world.now + lifetime, value: 1 });
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online') && bo.last('online'), 'online');
    return { world, ana, bo };
  };
  test('lets its holder in without a knock', () => {
    const { world, ana, bo } = invited();
    ana.send(ana.connect(bo, secret), 'here I am');
    world.until(() => bo.texts().length, 'message');
    expect(bo.of('knock').length).toBe(0);
    expect(bo.last('invite_claimed')).toMatchObject({ data: secret });
    expect(toHex(bo.last('invite_claimed').id)).toBe(toHex(ana.identity.id));
    expect(bo.events.findIndex((e) => e.type === 'invite_claimed')).toBeLessThan(
      bo.events.findIndex((e) => e.type === 'session'),
    );
  });
  test('belongs to the first peer that uses it, which may use it again', () => {
    const { world, ana, bo } = invited();
    const session = ana.connect(bo, secret);
    world.until(() => bo.last('session'), 'session');
    const eve = world.peer('eve').start();
    eve.connect(bo, secret);
    world.until(() => eve.last('session_closed'), 'eve hears it, long before the call is over for the relay', 1000);
    expect(eve.last('session_closed')).toMatchObject({ error: 'EREFUSED', reason: REASON.REFUSED });
    expect(bo.of('session').length).toBe(1);
    expect(bo.of('knock').length).toBe(0);
    ana.do('close', { session });
    world.until(() => bo.last('session_closed'), 'closed');
    ana.send(ana.connect(bo, secret), 'again');
    world.until(() => bo.texts().length, 'message');
    expect(bo.of('invite_claimed').length).toBe(1);
  });
  for (const word of ['deny', 'block'])
    test(`${word}: the peer that claimed it cannot use it again`, () => {
      const { world, ana, bo } = invited();
      const session = ana.connect(bo, secret);
      world.until(() => bo.last('session') && ana.last('linked'), 'session');
      bo.do(word, { peer: ana.identity.id });
      ana.do('close', { session });
      world.until(() => bo.last('session_closed'), 'closed');
      ana.connect(bo, secret);
      world.pass(20000);
      expect(bo.of('session').length).toBe(1);
      expect([bo.of('knock').length, ana.of('session_closed').length]).toEqual([0, 1]);
    });
  test('expired or revoked: refused, and the caller is told', () => {
    const { world, ana, bo } = invited(1000);
    world.pass(2000);
    ana.connect(bo, secret);
    world.until(() => ana.last('session_closed'), 'told so', 1000);
    expect(ana.last('session_closed')).toMatchObject({ error: 'EREFUSED', reason: REASON.REFUSED });
    expect([bo.of('session').length, bo.of('knock').length]).toEqual([0, 0]);
    const other = new Uint8Array(16).fill(9);
    bo.do('invite_add', { secret: other, place: world.now + 60000, value: 1 });
    bo.do('invite_revoke', { secret: other });
    ana.connect(bo, other);
    world.until(() => ana.of('session_closed').length === 2, 'told so', 1000);
    expect([bo.of('session').length, bo.of('knock').length]).toEqual([0, 0]);
  });
  test('there are 1,024 at most: the one that expired first makes room, and none that is open', () => {
    const { world, bo } = invited();
    const { invites } = bo.engine.strangers;
    const secretOf = (i) => Uint8Array.from({ length: 16 }, (_, k) => (k === 0 ? 77 : i >> (8 * k)));
    const add = (i, lifetime) => bo.do('invite_add', { secret: secretOf(i), place: world.now + lifetime, value: 1 });
    for (let i = 0; i < 1023; i++) add(i, i === 700 ? 0 : 60000);
    expect(invites.size).toBe(1024);
    add(2000, 60000);
    expect(invites.size).toBe(1024);
    expect(bo.try('invite_add', { secret: secretOf(2001), place: world.now + 1, value: 1 }).error?.code).toBe('EAGAIN');
    add(3, 60000); // one that is there changes
    bo.do('invite_revoke', { secret: secretOf(5) });
    add(2001, 60000);
  });
  test.each(['block', 'deny'])('expired: a caller that is turned away is told nothing: %s', (word) => {
    const { world, ana, bo } = invited(0);
    bo.do(word, { peer: ana.identity.id });
    ana.connect(bo, secret);
    world.pass(20000);
    expect(ana.of('session_closed')).toEqual([]);
  });
  test('expired: calls that stop after their first message hold a few links for ten seconds, and no more', () => {
    const { world, ana, bo } = invited(0);
    const accepted = () => [...bo.engine.slots.byNumber.values()].filter((link) => link.state === 'accepted').length;
    world.loses = (from) => from === ana;
    const callers = Array.from({ length: 20 }, (_, i) => world.peer(`eve ${i}`).start());
    world.loses = (from) => callers.includes(from);
    for (const eve of callers) eve.connect(bo, secret);
    world.until(() => accepted() === 16, 'accepted', 1000);
    world.pass(1000);
    expect([accepted(), bo.engine.refusals.size]).toEqual([16, 16]);
    for (const eve of callers) world.disconnect(eve);
    world.peers = [ana, bo];
    world.pass(11000);
    expect([accepted(), bo.engine.refusals.size, bo.of('session').length, bo.of('knock').length]).toEqual([0, 0, 0, 0]);
    world.loses = () => false;
    ana.connect(bo, secret);
    world.until(() => ana.last('session_closed'), 'told so', 1000);
  });
  test('expired, but its holder is let in anyway: the invite has no effect', () => {
    for (const late of [false, true]) {
      const { world, ana, bo } = invited(late ? 1000 : 0);
      bo.do('allow', { peer: ana.identity.id });
      world.loses = () => late && world.now < 3000;
      ana.send(ana.connect(bo, secret), 'here I am');
      world.until(() => bo.texts().length, 'message', 30000);
      expect(bo.of('invite_claimed')).toEqual([]);
    }
  });
  test('a wrong secret is a knock', () => {
    const { world, ana, bo } = invited();
    ana.connect(bo, new Uint8Array(16).fill(9));
    world.until(() => bo.last('knock'), 'knock');
    expect(bo.of('session').length).toBe(0);
  });
});

describe('instances', () => {
  test('one that answered but was never linked does not hold the call', () => {
    const world = new World();
    const bo = world.peer('bo', { acceptAll: true }).start();
    const ana = world.peer('ana').start();
    world.until(() => ana.last('online') && bo.last('online'), 'online');
    let cut = false;
    world.loses = () => {
      if (!cut) world.later(() => world.cut(bo), 0);
      return (cut = true);
    };
    const session = ana.connect(bo);
    world.until(() => cut, 'the first record is lost with its link');
    bo.engine.relay.stop();
    world.loses = () => false;
    const again = world.peer('bo again', { seed: bo.seed, acceptAll: true }).start();
    ana.send(session, 'whoever you are');
    world.until(() => again.texts().length, 'message', 60000);
  });
});
