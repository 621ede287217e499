import { beforeEach, describe, expect, test } from 'vitest';
import { encodeNote } from '../engine/about.js';
import { CHAT, PIPE, encodeMessage } from '../engine/chat.js';
import { Conversation } from '../engine/conversation.js';
import { MemoryDb } from './memory-db.js';

/** A session whose other end is the test. */
class Session {
  listeners = {};
  sent = [];
  state = 'dialing';
  closed = 0;
  constructor(application = CHAT) {
    this.application = application;
    this.id = 'them';
  }
  on(name, fn) {
    this.listeners[name] = fn;
  }
  emit(name, event) {
    return this.listeners[name]?.(event);
  }
  link() {
    this.state = 'linked';
    this.emit('linked');
  }
  lose(why) {
    this.state = 'closed';
    this.emit('closed', why);
  }
  async send(data) {
    const entry = { data, text: new TextDecoder().decode(data.subarray(this.application === CHAT ? 17 : 0)) };
    const delivered = new Promise((done, fail) => Object.assign(entry, { deliver: done, fail }));
    this.sent.push(entry);
    return { place: this.sent.length, delivered };
  }
  volatile = [];
  sendVolatile(data) {
    this.volatile.push(data);
    return true;
  }
  finish() {
    this.finished = true;
  }
  close() {
    this.closed += 1;
    this.state = 'closed';
  }
}

let drawn = 0;
let db, dialled, conversation, shown, contact, held, hears;
const settled = async () => {
  for (let i = 0; i < 10; i += 1) await conversation.work.then(() => {});
};
const id = (n) => String(n).padStart(32, '0');
const texts = (session) => session.sent.map(({ text }) => text);

beforeEach(() => {
  db = new MemoryDb();
  dialled = [];
  shown = [];
  held = false;
  hears = true;
  contact = { id: 'them', how: 'asked', pairedAt: null, unread: 0 };
  conversation = new Conversation(contact, {
    db,
    client: () => ({ connect: () => dialled[dialled.push(new Session()) - 1] }),
    random: (n) => new Uint8Array(n).fill((drawn += 1)),
    now: () => 1,
    changed() {},
    named() {},
    held: () => held,
    hears: () => hears,
    shown: (_, list) => shown.push(...list),
    received: (_, message) => shown.push(message),
    log() {},
  });
});

describe('a message that the person writes', () => {
  test('waits until a session is linked, is sent in order, and is delivered when it was taken', async () => {
    await conversation.start();
    await conversation.write({ id: id(1), text: 'one' });
    await conversation.write({ id: id(2), text: 'two' });
    expect(texts(dialled[0])).toEqual([]);
    dialled[0].link();
    await settled();
    expect(texts(dialled[0])).toEqual(['one', 'two']);
    dialled[0].sent[0].deliver();
    await settled();
    expect(db.list.map(({ state }) => state)).toEqual(['delivered', 'waiting']);
  });

  test('is sent again over the next session, unless it was delivered', async () => {
    await conversation.start();
    dialled[0].link();
    await conversation.write({ id: id(1), text: 'one' });
    await conversation.write({ id: id(2), text: 'two' });
    await settled();
    dialled[0].sent[0].deliver();
    await settled();
    const next = new Session();
    conversation.attach(next, true);
    dialled[0].lose({ reason: 'GONE' });
    next.link();
    await settled();
    expect(texts(next)).toEqual(['two']);
  });

  test('is sent again when the other side lost its state', async () => {
    await conversation.start();
    dialled[0].link();
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    dialled[0].emit('reset');
    await settled();
    expect(texts(dialled[0])).toEqual(['one', 'one']);
  });

  test.each(['reset', 'lost'])(
    'is not overtaken when the session says %s while the database is read',
    async (event) => {
      await conversation.start();
      const [session] = dialled;
      session.link();
      await conversation.write({ id: id(1), text: 'one' });
      await settled();
      const read = db.pending.bind(db);
      db.pending = async (...args) => {
        const list = await read(...args);
        db.pending = read;
        session.sent[0].fail(new Error('ELOST'));
        session.emit(event);
        return list;
      };
      await conversation.write({ id: id(2), text: 'two' });
      await settled();
      expect(texts(session)).toEqual(['one', 'one', 'two']);
      expect(conversation.sentTo).toBe(2);
    },
  );

  test('is sent once when it is written twice with one id', async () => {
    await conversation.start();
    dialled[0].link();
    await conversation.write({ id: id(1), text: 'one' });
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    expect(texts(dialled[0])).toEqual(['one']);
  });

  test('is held back while it is not clear who the contact is', async () => {
    held = true;
    await conversation.start();
    dialled[0].link();
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    expect([texts(dialled[0]), conversation.pendingCount]).toEqual([[], 1]);
    held = false;
    await conversation.flush();
    expect(texts(dialled[0])).toEqual(['one']);
  });

  test('is not shown again when it is deleted while its quote is looked up', async () => {
    await conversation.write({ id: id(1), text: 'one' });
    await conversation.write({ id: id(2), text: 'two', reply: id(1) });
    shown.length = 0;
    const look = db.messageById.bind(db);
    db.messageById = async (...args) => {
      await new Promise((done) => setImmediate(done));
      return look(...args);
    };
    const again = conversation.shown([db.list[1]]);
    await conversation.remove(2);
    await again;
    expect(shown).toEqual([]);
  });

  test('survives the engine: a new conversation sends what an old one left', async () => {
    await conversation.write({ id: id(1), text: 'one' });
    const later = new Conversation(contact, conversation.engine);
    await later.start();
    dialled.at(-1).link();
    await later.work;
    expect(texts(dialled.at(-1))).toEqual(['one']);
  });
});

describe('a message that arrives', () => {
  const come = (session, n, text) => {
    let taken = false;
    session.emit('message', {
      channel: 0,
      data: encodeMessage({ id: id(n), text }, session.application),
      taken: () => (taken = true),
    });
    return settled().then(() => taken);
  };

  test('is stored before it is taken, and stored once', async () => {
    await conversation.start();
    dialled[0].link();
    expect(await come(dialled[0], 7, 'hi')).toBe(true);
    const next = new Session();
    conversation.attach(next, true);
    next.link();
    expect(await come(next, 7, 'hi')).toBe(true);
    expect(db.list.map(({ text }) => text)).toEqual(['hi']);
  });

  test('is counted at once, in order, even if it answers another', async () => {
    const counted = [];
    conversation.engine.received = (_, { text }) => counted.push(text);
    await conversation.write({ id: id(1), text: 'mine' });
    await conversation.start();
    dialled[0].link();
    const note = encodeNote({ id: id(7), written: 0, reply: id(1) });
    dialled[0].emit('message', { channel: 0, data: note, taken() {} });
    await Promise.all([come(dialled[0], 7, 'a reply'), come(dialled[0], 8, 'plain')]);
    await new Promise((done) => setImmediate(done));
    expect([counted, contact.last.text]).toEqual([['a reply', 'plain'], 'plain']);
    expect(shown.find(({ text }) => text === 'a reply').quote.text).toBe('mine');
  });

  test('is taken and not shown if its type is unknown', async () => {
    await conversation.start();
    dialled[0].link();
    let taken = false;
    dialled[0].emit('message', { channel: 0, data: new Uint8Array(40).fill(9), taken: () => (taken = true) });
    await settled();
    expect([taken, db.list.length]).toEqual([true, 0]);
  });

  test('from a program is collected until a line ends, even if a character is cut in two', async () => {
    const pipe = new Session(PIPE);
    conversation.attach(pipe, true);
    pipe.link();
    const bytes = new TextEncoder().encode('grün\nrot');
    for (const part of [bytes.slice(0, 3), bytes.slice(3, 6), bytes.slice(6)])
      pipe.emit('message', { channel: 0, data: part, taken() {} });
    await settled();
    expect(db.list.map(({ text }) => text)).toEqual(['grün\n', 'rot']);
  });

  test('a program that has sent everything gets our end', async () => {
    const pipe = new Session(PIPE);
    conversation.attach(pipe, true);
    pipe.link();
    pipe.emit('end');
    await settled();
    expect(pipe.finished).toBe(true);
  });
});

describe('sessions', () => {
  test('a session that ends as soon as it is linked has paired all the same', async () => {
    conversation.engine.files = () => ({
      begin(session) {
        if (session) throw new Error('ESTATE');
      },
      work() {},
    });
    await conversation.start();
    dialled[0].link();
    expect(contact.pairedAt).toBe(1);
    dialled[0].lose({ error: 'ECLOSED', reason: 'CLOSED' });
    expect(conversation.presence).toBe('unknown');
  });

  test('somebody is away when the relay says so, and the relay is known to be alive', async () => {
    await conversation.start();
    const [session] = dialled;
    session.link();
    expect(conversation.presence).toBe('here');
    const unlinked = (reason) => {
      session.state = 'unlinked';
      session.emit('unlinked', { reason });
      return conversation.presence;
    };
    expect(unlinked('TIMEOUT')).toBe('unknown');
    expect(unlinked('UNAVAILABLE')).toBe('away');
    hears = false;
    expect(unlinked('UNAVAILABLE')).toBe('unknown');
    hears = true;
    expect(unlinked('UNAVAILABLE')).toBe('away');
    session.link();
    expect(conversation.presence).toBe('here');
  });

  test('the newest linked session is used, and those that are not linked are closed', async () => {
    await conversation.start();
    const incoming = new Session();
    conversation.attach(incoming, true);
    incoming.link();
    expect(dialled[0].closed).toBe(1);
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    expect(texts(incoming)).toEqual(['one']);
  });

  test('a refused invitation is reported and not tried again', async () => {
    await conversation.start();
    dialled[0].lose({ error: 'EREFUSED', reason: 'REFUSED', text: '' });
    expect(contact.problem).toMatchObject({ reason: 'REFUSED' });
    conversation.dial();
    expect(dialled).toHaveLength(1);
  });

  test('a program is called only when there is something to send', async () => {
    contact.application = PIPE;
    contact.pairedAt = 1;
    await conversation.start();
    expect(dialled).toHaveLength(0);
    await conversation.write({ id: id(1), text: 'one' });
    expect(dialled).toHaveLength(1);
  });
});
