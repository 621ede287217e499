/** What is said about texts: when they were written, what they answer, typing and reading. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodeAbout, encodeNote, encodeRead, encodeTyping } from '../engine/about.js';
import { CHAT, PIPE, encodeMessage } from '../engine/chat.js';
import { Conversation } from '../engine/conversation.js';
import { MemoryDb } from './memory-db.js';

const MINUTE = 60_000;
const id = (n) => String(n).padStart(32, '0');

/** A session whose other end is the test. What goes out is decoded. */
class Session {
  listeners = {};
  sent = [];
  volatile = [];
  state = 'linked';
  id = 'them';
  constructor(application = CHAT) {
    this.application = application;
  }
  on(name, fn) {
    this.listeners[name] = fn;
  }
  async send(data) {
    const about = decodeAbout(data);
    const entry = about?.note ? { note: about.note } : { text: new TextDecoder().decode(data.subarray(17)) };
    const delivered = new Promise((done) => Object.assign(entry, { deliver: done }));
    this.sent.push(entry);
    return { delivered };
  }
  sendVolatile(data) {
    this.volatile.push(decodeAbout(data));
    return true;
  }
  lose() {
    this.state = 'dialing';
    this.listeners.unlinked();
  }
  link() {
    this.state = 'linked';
    this.listeners.linked();
  }
  close() {}
}

let db, conversation, contact, settings, now, session, received, gone;
const settled = async () => {
  for (let i = 0; i < 20; i += 1) await conversation.work.then(() => {});
};
const come = async (...messages) => {
  for (const data of messages) session.listeners.message({ channel: 0, data, taken() {} });
  await settled();
};
const hear = async (data) => {
  session.listeners.volatile({ channel: 0, data });
  await settled();
};
const sentWords = () => session.sent.map(({ note, text }) => (note ? { ...note } : text));

beforeEach(() => {
  vi.useFakeTimers();
  db = new MemoryDb();
  now = 1_000_000_000;
  settings = { typing: true, read: true };
  received = [];
  gone = [];
  contact = { id: 'them', how: 'asked', pairedAt: 1, unread: 0 };
  conversation = new Conversation(contact, {
    db,
    client: () => ({ connect: () => session }),
    random: (n) => new Uint8Array(n),
    now: () => now,
    changed() {},
    named() {},
    held: () => false,
    shown: (_, list, removed = []) => {
      received.push(...list);
      gone.push(...removed);
    },
    received: (_, message) => message.reply || received.push(message), // a reply is shown with its quote
    talk: () => settings,
    log() {},
  });
  session = new Session();
  conversation.attach(session, false);
});
afterEach(() => {
  conversation.stop();
  vi.useRealTimers();
});

describe('when a text was written', () => {
  test('is not said of a text that goes out at once', async () => {
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    session.sent[0].deliver();
    await settled();
    expect(sentWords()).toEqual(['one']);
  });

  test('is said right before a text that waited', async () => {
    session.lose();
    await conversation.write({ id: id(1), text: 'one' });
    await conversation.write({ id: id(2), text: 'two' });
    const written = now;
    now += 5 * MINUTE;
    session.link();
    await settled();
    expect(sentWords()).toEqual([{ id: id(1), written, reply: '' }, 'one', { id: id(2), written, reply: '' }, 'two']);
  });

  test('is said after a text that the session had, and that was delivered late', async () => {
    await conversation.write({ id: id(1), text: 'one' });
    await settled();
    const written = now;
    now += 60 * MINUTE;
    session.sent[0].deliver();
    await settled();
    expect(sentWords()).toEqual(['one', { id: id(1), written, reply: '' }]);
  });

  test('is not said to a program', async () => {
    const pipe = new Session(PIPE);
    conversation.attach(pipe, true);
    pipe.state = 'dialing';
    session.lose();
    await conversation.write({ id: id(1), text: 'one' });
    now += 5 * MINUTE;
    pipe.link();
    await settled();
    expect(pipe.sent.map(({ note }) => note)).toEqual([undefined]);
  });

  test('is kept beside the arrival, whether it came before the text or after it', async () => {
    await come(
      encodeNote({ id: id(1), written: now - 90 * MINUTE, reply: '' }),
      encodeMessage({ id: id(1), text: 'before' }, CHAT),
      encodeMessage({ id: id(2), text: 'after' }, CHAT),
      encodeNote({ id: id(2), written: now - 30 * MINUTE, reply: '' }),
    );
    expect(db.list.map(({ at, written }) => (at - written) / MINUTE)).toEqual([90, 30]);
    expect(received.at(-1)).toMatchObject({ text: 'after', written: now - 30 * MINUTE });
  });

  test.each([
    ['of another text', { id: id(9), written: 1 }],
    ['that is in the future', { id: id(1), written: Number.MAX_SAFE_INTEGER }],
    ['that is not said', { id: id(1), written: 0 }],
    ['within a minute', { id: id(1), written: 1_000_000_000 - MINUTE + 1 }],
  ])('a time %s is ignored', async (_, note) => {
    await come(encodeNote({ reply: '', ...note }), encodeMessage({ id: id(1), text: 'hi' }, CHAT));
    expect(db.list[0].written).toBeUndefined();
  });

  test('a second note does not change what is known', async () => {
    const note = (minutes) => encodeNote({ id: id(1), written: now - minutes * MINUTE, reply: '' });
    await come(note(5), encodeMessage({ id: id(1), text: 'hi' }, CHAT), note(50));
    expect((now - db.list[0].written) / MINUTE).toBe(5);
  });

  test('a note that is cut short, or too long, is skipped', async () => {
    const whole = encodeNote({ id: id(1), written: 1, reply: id(2) });
    await come(whole.slice(0, -1), new Uint8Array([...whole, 0]), encodeMessage({ id: id(1), text: 'hi' }, CHAT));
    expect(db.list).toMatchObject([{ text: 'hi' }]);
    expect(db.list[0].reply).toBeUndefined();
  });
});

describe('a reply', () => {
  test('names what it answers, and quotes it', async () => {
    await come(encodeMessage({ id: id(1), text: 'x'.repeat(1000) }, CHAT));
    await conversation.write({ id: id(2), text: 'yes', reply: id(1) });
    await settled();
    expect(sentWords()).toEqual([{ id: id(2), written: 0, reply: id(1) }, 'yes']);
    const shown = received.find(({ text }) => text === 'yes');
    expect(shown.quote).toEqual({ n: 1, mine: 0, kind: 'text', text: 'x'.repeat(200) });
  });

  test('of the other side quotes my text, or nothing when its id is not known', async () => {
    await conversation.write({ id: id(1), text: 'question' });
    await come(
      encodeNote({ id: id(2), written: 0, reply: id(1) }),
      encodeMessage({ id: id(2), text: 'answer' }, CHAT),
      encodeNote({ id: id(3), written: 0, reply: id(7) }),
      encodeMessage({ id: id(3), text: 'to what?' }, CHAT),
    );
    const quotes = received.filter(({ mine }) => !mine).map(({ quote }) => quote);
    expect(quotes).toEqual([{ n: 1, mine: 1, kind: 'text', text: 'question' }, null]);
  });
});

describe('typing', () => {
  test('is said at most every three seconds, and not when it is turned off', () => {
    for (const at of [0, 1000, 2999, 3000, 4000]) {
      now = 1_000_000_000 + at;
      conversation.talk.type();
    }
    expect(session.volatile).toEqual([{ typing: true }, { typing: true }]);
    settings.typing = false;
    now += 10_000;
    conversation.talk.type();
    expect(session.volatile).toHaveLength(2);
  });

  test('is shown for six seconds after the last time it was said', async () => {
    await hear(encodeTyping());
    now += 4000;
    await vi.advanceTimersByTimeAsync(4000);
    await hear(encodeTyping());
    now += 2000;
    await vi.advanceTimersByTimeAsync(2000);
    expect(conversation.talk.typing).toBe(true);
    now += 4000;
    await vi.advanceTimersByTimeAsync(4000);
    expect(conversation.talk.typing).toBe(false);
  });

  test('ends with the text, and with the link', async () => {
    await hear(encodeTyping());
    await come(encodeMessage({ id: id(1), text: 'hi' }, CHAT));
    expect(conversation.talk.typing).toBe(false);
    await hear(encodeTyping());
    session.lose();
    expect(conversation.talk.typing).toBe(false);
  });

  test('is not shown to those who do not say it', async () => {
    settings.typing = false;
    await hear(encodeTyping());
    expect(conversation.talk.typing).toBe(false);
  });
});

describe('what was read', () => {
  const reads = () => session.volatile.map(({ read }) => read);

  test('is said once for all that came into view, and again with each link', async () => {
    await come(encodeMessage({ id: id(1), text: 'a' }, CHAT), encodeMessage({ id: id(2), text: 'b' }, CHAT));
    await conversation.talk.seen(1);
    await conversation.talk.seen(Infinity);
    await vi.advanceTimersByTimeAsync(1000);
    expect(reads()).toEqual([id(2)]);
    session.lose();
    session.link();
    expect(reads()).toEqual([id(2), id(2)]);
  });

  test('reaches as far as what was in view', async () => {
    await come(encodeMessage({ id: id(1), text: 'a' }, CHAT), encodeMessage({ id: id(2), text: 'b' }, CHAT));
    await conversation.write({ id: id(3), text: 'mine' });
    await conversation.talk.seen(1);
    await vi.advanceTimersByTimeAsync(1000);
    await conversation.talk.seen(3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(reads()).toEqual([id(1), id(2)]);
  });

  test('goes forwards only, by my own order', async () => {
    for (const n of [1, 2, 3]) await conversation.write({ id: id(n), text: `${n}` });
    await hear(encodeRead(id(2)));
    await hear(encodeRead(id(1)));
    await hear(encodeRead(id(99)));
    expect(contact.readTo).toBe(2);
    await hear(encodeRead(id(3)));
    expect(contact.readTo).toBe(3);
  });

  test('of a thousand at once, few are looked up', async () => {
    for (const n of [1, 2]) await conversation.write({ id: id(n), text: `${n}` });
    const look = vi.spyOn(db, 'messageById');
    for (let i = 0; i < 1000; i += 1) session.listeners.volatile({ channel: 0, data: encodeRead(id(2)) });
    await settled();
    expect(contact.readTo).toBe(2);
    expect(look.mock.calls.length).toBeLessThan(5);
  });

  test('turned off, it is neither said nor shown', async () => {
    settings.read = false;
    await conversation.write({ id: id(1), text: 'one' });
    await hear(encodeRead(id(1)));
    await come(encodeMessage({ id: id(2), text: 'b' }, CHAT));
    await conversation.talk.seen(Infinity);
    await vi.advanceTimersByTimeAsync(1000);
    expect([contact.readTo, reads()]).toEqual([undefined, []]);
  });
});

describe('a message that is deleted here', () => {
  test('does not come back when it is repeated', async () => {
    await come(encodeMessage({ id: id(1), text: 'hi' }, CHAT));
    await conversation.remove(1);
    await come(encodeMessage({ id: id(1), text: 'hi' }, CHAT));
    expect([db.list, gone]).toEqual([[], [1]]);
    expect(contact.last).toBeUndefined();
  });

  test('is not sent any more if it waits, and the others are', async () => {
    session.lose();
    await conversation.write({ id: id(1), text: 'secret' });
    await conversation.write({ id: id(2), text: 'other' });
    await conversation.remove(1);
    expect(conversation.pendingCount).toBe(1);
    session.link();
    await settled();
    expect(sentWords()).toEqual(['other']);
  });

  test('stays deleted when the session that has it delivers it', async () => {
    await conversation.write({ id: id(1), text: 'on its way' });
    await settled();
    await conversation.remove(1);
    session.sent[0].deliver();
    await settled();
    expect(db.list).toEqual([]);
  });

  test('only of the contact that is named', async () => {
    await db.addMessage({ contact: 'someone else', mine: 0, id: id(1), kind: 'text', text: 'x' });
    await conversation.remove(1);
    expect(db.list).toHaveLength(1);
  });
});
