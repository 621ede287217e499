/** TLS by the relay itself: clients accept the right name and refuse a wrong one, and HTTP/2 is never spoken. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { binary, once, run, tempDir } from '../support/process.js';
import { RawSocket, connectRaw, upgradeRequest } from '../support/raw.js';
import { runRelay, startRelay } from '../support/relay.js';

const dir = tempDir();
const file = (name) => join(dir, name);
let relay;

/** The largest script of the page: it does not fit into the buffers of a socket. */
function largestScript() {
  const folder = new URL('../../web/dist/assets/', import.meta.url);
  const size = (name) => statSync(new URL(name, folder)).size;
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
  return scripts.reduce((a, b) => (size(b) > size(a) ? b : a));
}

async function openssl(...args) {
  const { code, stderr } = await run('openssl', args, { cwd: dir });
  if (code !== 0) throw new Error(stderr);
}

/** Offers these suites to the relay. Returns the one that it took, or 'refused'. */
async function suiteOf(ciphers, maxVersion = 'TLSv1.2') {
  const socket = tls.connect({
    port: relay.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: ca(),
    maxVersion,
    ciphers,
  });
  const suite = await Promise.race([
    once(socket, 'secureConnect').then(() => socket.getCipher().name),
    once(socket, 'error').then(() => 'refused'),
  ]);
  socket.destroy();
  return suite;
}

beforeAll(async () => {
  await openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  await openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    'relay.key',
    '-out',
    'relay.csr',
  );
  await openssl(
    'x509',
    '-req',
    '-in',
    'relay.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
    '-out',
    'relay.pem',
  );
  await openssl('ec', '-in', 'relay.key', '-aes256', '-passout', 'pass:secret', '-out', 'locked.key');
  relay = await startRelay({ tls: true, args: ['--tls-cert', file('relay.pem'), '--tls-key', file('relay.key')] });
});
afterAll(async () => {
  expect((await relay.stop()).code, relay.log).toBe(0);
});

const ca = () => readFileSync(file('ca.pem'));
const trusting = ['--ca', file('ca.pem')];

async function connectTls(options = {}) {
  const socket = tls.connect({ port: relay.port, host: '127.0.0.1', servername: 'localhost', ca: ca(), ...options });
  const raw = new RawSocket(socket);
  await once(socket, 'secureConnect');
  return raw;
}

/** Returns the whole response to a GET, read slowly in small pieces. Fails unless it ends with TLS's close_notify. */
async function httpsGet(path, version) {
  const socket = tls.connect({
    port: relay.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: ca(),
    minVersion: version,
    maxVersion: version,
    highWaterMark: 4096,
  });
  await once(socket, 'secureConnect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  const chunks = [];
  for await (const chunk of socket) {
    chunks.push(chunk);
    await new Promise(setImmediate);
  }
  return Buffer.concat(chunks).toString('latin1');
}

/** A connection that, once `held`, keeps everything written until its end or `release`. */
class HeldSocket extends Duplex {
  constructor(port) {
    super();
    this.pieces = [];
    this.raw = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.raw
      .on('data', (chunk) => this.push(chunk))
      .on('end', () => this.push(null))
      .on('error', (error) => this.destroy(error));
  }

  _read() {}

  _write(chunk, _encoding, done) {
    if (this.held) this.pieces.push(chunk);
    else this.raw.write(chunk);
    done();
  }

  _final(done) {
    this.raw.end(Buffer.concat(this.pieces));
    done();
  }

  /** Sends what was kept, after `change`, in one piece. */
  release(change = (bytes) => bytes) {
    this.held = false;
    this.raw.write(change(Buffer.concat(this.pieces.splice(0))));
  }

  /** Sends what was kept in pieces of one byte. */
  async releaseBytes() {
    this.held = false;
    this.raw.setNoDelay();
    for (const byte of Buffer.concat(this.pieces.splice(0))) {
      this.raw.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
  }
}

/** Connects over a HeldSocket. Returns both. */
async function connectHeld(options = {}) {
  const held = new HeldSocket(relay.port);
  const socket = tls.connect({ socket: held, servername: 'localhost', ca: ca(), ...options });
  const raw = new RawSocket(socket);
  await once(socket, 'secureConnect');
  return { held, raw };
}

const HEALTHY = /^HTTP\/1\.1 200 [^]*\r\n\r\nok\n$/;
const health = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

describe('the relay', () => {
  test('upgrades to a WebSocket', async () => {
    const ws = new WebSocket(`wss://localhost:${relay.port}/pairlink`, 'pairlink.v1', {
      ca: ca(),
      lookup: (_n, o, cb) => (o.all ? cb(null, [{ address: '127.0.0.1', family: 4 }]) : cb(null, '127.0.0.1', 4)),
    });
    const [hello] = await once(ws, 'message');
    expect(hello[0]).toBe(1);
    ws.terminate();
  });

  test('does not speak HTTP/2 to a client that offers nothing else', async () => {
    const socket = tls.connect({
      port: relay.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: ca(),
      ALPNProtocols: ['h2'],
    });
    const spoken = await Promise.race([
      once(socket, 'secureConnect').then(() => socket.alpnProtocol),
      once(socket, 'error').then(() => 'refused'),
    ]);
    expect(spoken).not.toBe('h2');
    if (spoken !== 'refused') {
      const raw = new RawSocket(socket);
      raw.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
      expect((await raw.response()).status).not.toBe(200);
    }
    socket.destroy();
  });

  test('chooses HTTP/1.1 when both are offered', async () => {
    const raw = await connectTls({ ALPNProtocols: ['h2', 'http/1.1'] });
    expect(raw.socket.alpnProtocol).toBe('http/1.1');
    raw.destroy();
  });

  test('refuses an upgrade to h2c within TLS', async () => {
    const raw = await connectTls();
    raw.send(upgradeRequest(relay.port, { headers: { Upgrade: 'h2c', Host: `localhost:${relay.port}` } }));
    const { status } = await raw.response();
    expect(status === 0 || status >= 400).toBe(true);
    raw.destroy();
  });

  test.each([
    ['ECDHE-ECDSA-AES128-GCM-SHA256', true],
    ['ECDHE-ECDSA-AES256-GCM-SHA384', true],
    ['ECDHE-ECDSA-CHACHA20-POLY1305', true],
    ['ECDHE-ECDSA-AES128-SHA256', false],
    ['ECDHE-ECDSA-AES256-SHA384', false],
    ['ECDHE-ECDSA-AES128-SHA', false],
    ['ECDHE-ECDSA-AES256-SHA', false],
  ])('TLS 1.2 with %s: %s', async (ciphers, spoken) => {
    expect(await suiteOf(ciphers)).toBe(spoken ? ciphers : 'refused');
  });

  const [AES_128, AES_256, CHACHA] = [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
  ];
  test.each([
    ['AES-128, the cheapest', [AES_256, CHACHA, AES_128], AES_128],
    ['ChaCha20 when the client puts it first', [CHACHA, AES_128, AES_256], CHACHA],
    ['AES-256 when nothing else is offered', [AES_256], AES_256],
  ])('takes %s', async (_name, offered, taken) => {
    expect(await suiteOf(offered.join(':'), 'TLSv1.3')).toBe(taken);
  });

  test('sends HSTS only when the host is named without a port', async () => {
    const headersFor = async (host) => {
      const raw = await connectTls();
      raw.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const { headers } = await raw.response();
      raw.destroy();
      return headers;
    };
    expect((await headersFor('relay.example'))['strict-transport-security']).toBe('max-age=31536000');
    expect((await headersFor(`localhost:${relay.port}`))['strict-transport-security']).toBeUndefined();
  });

  test.each(['TLSv1', 'TLSv1.1'])('refuses %s', async (version) => {
    const old = {
      host: '127.0.0.1',
      servername: 'localhost',
      ca: ca(),
      minVersion: version,
      maxVersion: version,
      ciphers: 'ALL:@SECLEVEL=0',
    };
    const speaks = async (port) => {
      const socket = tls.connect({ ...old, port });
      const answer = await Promise.race([
        once(socket, 'secureConnect').then(() => socket.getProtocol()),
        once(socket, 'error').then(() => 'refused'),
      ]);
      socket.destroy();
      return answer;
    };
    // The same client works with a server that accepts this version, so it is the relay that refuses.
    const lenient = tls.createServer({
      cert: readFileSync(file('relay.pem')),
      key: readFileSync(file('relay.key')),
      minVersion: version,
      ciphers: 'ALL:@SECLEVEL=0',
    });
    lenient.on('tlsClientError', () => {});
    lenient.listen(0, '127.0.0.1');
    await once(lenient, 'listening');
    expect(await speaks(lenient.address().port)).toBe(version);
    lenient.close();
    expect(await speaks(relay.port)).toBe('refused');
  });

  test.each(['TLSv1.2', 'TLSv1.3'])(
    'sends a slow reader the whole page over %s, and then close_notify',
    async (version) => {
      const whole = await httpsGet(`/assets/${largestScript()}`, version);
      const [length] = whole
        .match(/content-length: (\d+)/i)
        .slice(1)
        .map(Number);
      expect(length).toBeGreaterThan(100_000);
      expect(whole.length - whole.indexOf('\r\n\r\n') - 4).toBe(length);
    },
  );

  test.each(['TLSv1.2', 'TLSv1.3'])(
    'answers a client that sends its request and close_notify in one piece over %s',
    async (version) => {
      const { held, raw } = await connectHeld({ minVersion: version, maxVersion: version });
      held.held = true;
      raw.socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      expect((await raw.whenClosed()).toString('latin1')).toMatch(HEALTHY);
      raw.destroy();
    },
  );

  test('reads a request that comes byte by byte', async () => {
    const { held, raw } = await connectHeld();
    held.held = true;
    raw.send(health);
    await held.releaseBytes();
    expect((await raw.whenClosed()).toString('latin1')).toMatch(HEALTHY);
    raw.destroy();
  });

  test('reads a request in many records that come in one piece', async () => {
    const { held, raw } = await connectHeld();
    held.held = true;
    for (const letter of health) raw.send(letter);
    await new Promise(setImmediate);
    held.release();
    expect((await raw.whenClosed()).toString('latin1')).toMatch(HEALTHY);
    raw.destroy();
  });

  test('answers a broken record with an alert', async () => {
    const { held, raw } = await connectHeld();
    held.held = true;
    raw.send(health);
    await new Promise(setImmediate);
    held.release((bytes) => bytes.fill(bytes.at(-1) ^ 1, bytes.length - 1));
    await raw.whenClosed();
    expect(raw.data).toHaveLength(0);
    expect(raw.error?.code).toBe('ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC');
    raw.destroy();
  });

  test('has no cipher of TLS 1.2 without authenticated encryption', async () => {
    expect(await suiteOf('ECDHE-ECDSA-AES128-GCM-SHA256')).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
    expect(await suiteOf('ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA')).toBe('refused');
  });

  test('closes a connection that speaks plain HTTP, and serves the next', async () => {
    const raw = await connectRaw(relay.port);
    raw.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await raw.whenClosed();
    raw.destroy();
    (await connectTls()).destroy();
  });
});

test("a forked child frees its copies and sends nothing on its parent's TLS connection", async () => {
  const env = { HOME: tempDir(), XDG_CONFIG_HOME: '', XDG_STATE_HOME: '', https_proxy: '', no_proxy: '*' };
  const result = await run(binary('host_fork'), [`wss://localhost:${relay.port}`, tempDir(), file('ca.pem')], {
    env,
    ms: 90_000,
  });
  expect(result.stdout).toMatch(/^OK .* 0 losses/);
  expect(result.code).toBe(0);
});

describe('the command line', () => {
  test('talks through it when the name fits the certificate', async () => {
    const there = newIdentity();
    const id = await idOf(there);
    const listen = startCli(
      { relay: `wss://localhost:${relay.port}`, identity: there },
      ...trusting,
      'listen',
      '--accept',
      'all',
    );
    listen.end();
    const connect = startCli({ relay: `wss://localhost:${relay.port}` }, ...trusting, 'connect', id);
    connect.end('through TLS');
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(listen.stdout).toBe('through TLS');
  });

  test('refuses a certificate of another name, and says so', async () => {
    const { code, stderr } = await runCli(
      { relay: `wss://127.0.0.1:${relay.port}` },
      [...trusting, 'ping', await idOf(newIdentity())],
      { input: '' },
    );
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/certificate/i);
  });

  test('refuses a certificate of an unknown authority, and says so', async () => {
    const { code, stderr } = await runCli(
      { relay: `wss://localhost:${relay.port}` },
      ['ping', await idOf(newIdentity())],
      { input: '' },
    );
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/certificate/i);
  });
});

describe('a clear message and no start', () => {
  test.each([
    [
      'a certificate file that is not there',
      ['--tls-cert', '/nonexistent.pem', '--tls-key', file('relay.key')],
      /nonexistent\.pem/,
    ],
    [
      'a key file that is not there',
      ['--tls-cert', file('relay.pem'), '--tls-key', '/nonexistent.key'],
      /nonexistent\.key/,
    ],
    ['a certificate without a key', ['--tls-cert', file('relay.pem')], /tls-key/],
    ['a key of another certificate', ['--tls-cert', file('relay.pem'), '--tls-key', file('ca.key')], /belong together/],
    [
      'a key behind a pass phrase, without asking for it',
      ['--tls-cert', file('relay.pem'), '--tls-key', file('locked.key')],
      /event=tls[^]*cannot be used/,
    ],
  ])('%s', async (_name, args, pattern) => {
    const { code, stderr } = await runRelay(['--listen', '127.0.0.1:0', '--data', join(tempDir(), 'data'), ...args]);
    expect(code, stderr).toBeGreaterThan(0);
    expect(stderr).toMatch(pattern);
  });
});
