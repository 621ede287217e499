import { beforeEach, describe, expect, test } from 'vitest';
import { CHAT, PIPE, encodeMessage } from '../engine/chat.js';
import { Conversation } from '../engine/conversation.js';
import { MemoryDb } from './memory-db.js';

/** A session whose other end the test plays. */
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
  finish() {
    this.finished = true;
  }
  close() {
    this.closed += 1;
    this.state = 'closed';
  }
}

let drawn = 0;
let db, dialled, conversation, shown, contact, held;
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
  contact = { id: 'them', how: 'asked', pairedAt: null, unread: 0 };
  conversation = new Conversation(contact, {
    db,
    client: () => ({ connect: () => dialled[dialled.push(new Session()) - 1] }),
    random: (n) => new Uint8Array(n).fill((drawn += 1)),
    now: () => 1,
    changed() {},
    named() {},
    held: () => held,
    shown: (_, list) => shown.push(...list),
    received: (_, message) => shown.push(message),
    log() {},
  });
});

describe('what is written', () => {
  test('waits until a session is linked, goes in order, and is delivered when it was taken', async () => {
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

  test('goes again over the next session, what was delivered does not', async () => {
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

  test('goes again when the other side lost its state', async () => {
    await conversation.start();
    dialled[0].link();
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    dialled[0].emit('reset');
    await settled();
    expect(texts(dialled[0])).toEqual(['one', 'one']);
  });

  test('twice with one id is sent once', async () => {
    await conversation.start();
    dialled[0].link();
    await conversation.write({ id: id(1), text: 'one' });
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    expect(texts(dialled[0])).toEqual(['one']);
  });

  test('is held back while it is not clear who the other is', async () => {
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

  test('survives the engine: a new conversation sends what an old one left', async () => {
    await conversation.write({ id: id(1), text: 'one' });
    const later = new Conversation(contact, conversation.engine);
    await later.start();
    dialled.at(-1).link();
    await later.work;
    expect(texts(dialled.at(-1))).toEqual(['one']);
  });
});

describe('what comes', () => {
  const come = (session, n, text) => {
    let taken = false;
    session.emit('message', {
      channel: 0,
      data: encodeMessage({ id: id(n), text }, session.application),
      taken: () => (taken = true),
    });
    return settled().then(() => taken);
  };

  test('is kept before it is taken, and kept once', async () => {
    await conversation.start();
    dialled[0].link();
    expect(await come(dialled[0], 7, 'hi')).toBe(true);
    const next = new Session();
    conversation.attach(next, true);
    next.link();
    expect(await come(next, 7, 'hi')).toBe(true);
    expect(db.list.map(({ text }) => text)).toEqual(['hi']);
  });

  test('of a type that is not known is taken and not shown', async () => {
    await conversation.start();
    dialled[0].link();
    let taken = false;
    dialled[0].emit('message', { channel: 0, data: new Uint8Array(40).fill(9), taken: () => (taken = true) });
    await settled();
    expect([taken, db.list.length]).toEqual([true, 0]);
  });

  test('from a program is added up until a line ends, also where a character is cut', async () => {
    const pipe = new Session(PIPE);
    conversation.attach(pipe, true);
    pipe.link();
    const bytes = new TextEncoder().encode('grün\nrot');
    for (const part of [bytes.slice(0, 3), bytes.slice(3, 6), bytes.slice(6)])
      pipe.emit('message', { channel: 0, data: part, taken() {} });
    await settled();
    expect(db.list.map(({ text }) => text)).toEqual(['grün\n', 'rot']);
  });

  test('a program that has said all is told our end', async () => {
    const pipe = new Session(PIPE);
    conversation.attach(pipe, true);
    pipe.link();
    pipe.emit('end');
    await settled();
    expect(pipe.finished).toBe(true);
  });
});

describe('sessions', () => {
  test('one that ended in the moment it began has paired all the same', async () => {
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
    expect(conversation.presence).toBe('away');
  });

  test('the newest that is linked is used, those that are not are closed', async () => {
    await conversation.start();
    const incoming = new Session();
    conversation.attach(incoming, true);
    incoming.link();
    expect(dialled[0].closed).toBe(1);
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    expect(texts(incoming)).toEqual(['one']);
  });

  test('a refused invitation is told and not tried again', async () => {
    await conversation.start();
    dialled[0].lose({ error: 'EREFUSED', reason: 'REFUSED', text: '' });
    expect(contact.problem).toMatchObject({ reason: 'REFUSED' });
    conversation.dial();
    expect(dialled).toHaveLength(1);
  });

  test('a program is not called unless there is something to say', async () => {
    contact.application = PIPE;
    contact.pairedAt = 1;
    await conversation.start();
    expect(dialled).toHaveLength(0);
    await conversation.write({ id: id(1), text: 'one' });
    expect(dialled).toHaveLength(1);
  });
});
