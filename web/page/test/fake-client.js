/**
 * A test double of web/client. It pairs at once with friends that it invents, so that the page can be built and tried
 * without a relay. It is never shipped.
 */
const friends = ['Ana', 'Bo'];
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
const idOf = (n) => Array.from({ length: 54 }, (_, i) => alphabet[(n * 7 + i * 11 + ((n * i) % 13)) % 32]).join('');

export const ready = Promise.resolve();
export const newSeed = () => crypto.getRandomValues(new Uint8Array(32));
export const idFromSeed = () => idOf(1);
export const errorText = (code) => code;
export const parseId = (id) => id;
export function parseInviteLink(link) {
  if (!/#.{20,}/.test(link)) throw new Error('ELINK');
  return { id: idOf(link.length), relayId: idOf(99) };
}

export const words = ['anchor', 'apple', 'apron', 'copper', 'coral', 'violet', 'violin', 'willow'];
export const completeWord = (prefix) => words.filter((word) => prefix && word.startsWith(prefix.toLowerCase()));
export function parseCode(text) {
  const [number, ...said] = text
    .trim()
    .toLowerCase()
    .split(/[\s-]+/);
  if (!/^\d{4,7}$/.test(number) || said.length !== 2 || !said.every((word) => words.includes(word)))
    throw Object.assign(new Error('ECODE'), { code: 'ECODE' });
  return { number: Number(number), words: said };
}
export const safetyPhrase = () => Array.from({ length: 12 }, (_, n) => words[(n * 3) % words.length]).join(' ');

class Emitter {
  listeners = {};
  on(name, fn) {
    (this.listeners[name] ??= new Set()).add(fn);
    return () => this.listeners[name].delete(fn);
  }
  emit(name, event) {
    for (const fn of this.listeners[name] ?? []) fn(event);
  }
}

class FakeSession extends Emitter {
  state = 'dialing';
  application = 'chat/1';
  messageMax = 262144;
  constructor(id, name) {
    super();
    this.id = id;
    this.name = name;
    if (id === idOf(1)) return; // no other device has this identity
    this.timer = setTimeout(() => {
      this.state = 'linked';
      this.emit('linked', {});
    }, 20);
  }
  async send(data) {
    setTimeout(() => this.echo(data), 60);
    return { place: 0, delivered: new Promise((done) => setTimeout(done, 40)) };
  }
  instance = new Uint8Array(8);
  echo(data) {
    const id = crypto.getRandomValues(new Uint8Array(16));
    const bytes = new Uint8Array([
      1,
      ...id,
      ...new TextEncoder().encode(`“${new TextDecoder().decode(data.subarray(17))}”, you say?`),
    ]);
    this.emit('message', { channel: 0, data: bytes, taken() {} });
  }
  sendVolatile() {
    return true;
  }
  finish() {}
  close() {
    clearTimeout(this.timer);
    this.state = 'closed';
  }
}

class FakeClient extends Emitter {
  state = 'online';
  id = idOf(1);
  relayId = idOf(99);
  connect(target) {
    const id = target.includes('#') ? parseInviteLink(target).id : target;
    return new FakeSession(id, friends[id.charCodeAt(3) % friends.length]);
  }
  createInvite({ pageUrl, lifetimeMs }) {
    const secret = Math.random().toString(16).slice(2);
    const link = `${pageUrl}#${Array.from(crypto.getRandomValues(new Uint8Array(114)), (byte) => alphabet[byte % 32]).join('')}`;
    return { link, secret, expiresAt: Date.now() + lifetimeMs };
  }
  createCode() {
    const code = Object.assign(new Emitter(), { text: null, cancel: () => clearTimeout(timer) });
    const timer = setTimeout(
      () => code.emit('code', { text: (code.text = '4821-copper-violin'), expiresAt: Date.now() + 600_000 }),
      150,
    );
    return code;
  }
  /** 1111 is a wrong code, 2222 does not exist, and any other number pairs. */
  claimCode(text) {
    const { number } = parseCode(text);
    const code = Object.assign(new Emitter(), { text, cancel: () => clearTimeout(timer) });
    const timer = setTimeout(() => {
      if (number === 1111) return code.emit('ended', { error: 'EWRONGCODE', reason: 'WRONG_CODE' });
      if (number === 2222) return code.emit('ended', { error: 'ENOCODE', reason: 'NO_CODE' });
      code.emit('paired', { id: idOf(number), name: 'Cem', session: null });
      this.emit('session', new FakeSession(idOf(number), 'Cem'));
    }, 600);
    return code;
  }
  setName() {}
  addInvite() {}
  revokeInvite() {}
  allow() {}
  deny() {}
  block() {}
  networkUp() {}
  stop() {}
}

export async function createClient() {
  const client = new FakeClient();
  setTimeout(() => client.emit('knock', { id: idOf(7), name: 'Chidi' }), 100);
  return client;
}
