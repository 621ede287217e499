/** How the relay starts, what it prints when it cannot, and how it ends. */
import { chmodSync, closeSync, mkdirSync, openSync, readSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { idText, loggedIn, makeIdentity } from '../support/login.js';
import { binary, once, run, tempDir } from '../support/process.js';
import { connectRaw, rawHttp } from '../support/raw.js';
import { runRelay, startRelay } from '../support/relay.js';

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;

/** Finds the database in a data folder by its first bytes. */
function databaseOf(data) {
  return readdirSync(data)
    .map((name) => join(data, name))
    .find((path) => {
      if (!statSync(path).isFile()) return false;
      const head = Buffer.alloc(15);
      const fd = openSync(path, 'r');
      readSync(fd, head, 0, 15, 0);
      closeSync(fd);
      return head.toString() === 'SQLite format 3';
    });
}

/** Runs SQL on a database with Python's sqlite3, which other tests need anyway. */
const sql = (path, text) =>
  run('/usr/bin/python3', [
    '-c',
    'import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); print(c.executescript(sys.argv[2]) and "done"); c.close()',
    path,
    text,
  ]);

describe('starting', () => {
  test('makes its data folder, answers /healthz and says who it is', async () => {
    const relay = await startRelay();
    expect(statSync(relay.data).isDirectory()).toBe(true);
    expect(statSync(relay.data).mode & 0o077, 'others may not look into the data folder').toBe(0);
    expect((await rawHttp(relay.port, get('/healthz'))).status).toBe(200);
    const peer = await loggedIn(relay.port);
    expect(relay.id).toBe(idText(peer.hello.relayId));
    peer.close();
    expect(await relay.stop()).toEqual({ code: 0, signal: null });
  });

  test('listens only on loopback by default', async () => {
    const relay = await startRelay();
    const table = ['/proc/net/tcp', '/proc/net/tcp6'].map((file) => run('cat', [file]));
    const hex = relay.port.toString(16).toUpperCase().padStart(4, '0');
    const listening = (await Promise.all(table))
      .flatMap(({ stdout }) => stdout.split('\n'))
      .map((row) => row.trim().split(/\s+/))
      .filter((row) => row[3] === '0A' && row[1]?.endsWith(`:${hex}`));
    expect([...new Set(listening.map((row) => row[1]))]).toEqual([`0100007F:${hex}`]);
    await relay.stop();
  });

  test('listens on several addresses', async () => {
    const relay = await startRelay({ args: ['--listen', '[::1]:0'] });
    const ports = [...relay.log.matchAll(/ready http:\/\/(\S+):(\d+)/g)];
    expect(ports.length).toBeGreaterThan(0);
    await relay.stop();
  });

  test('keeps its key and its registrations over a restart', async () => {
    const relay = await startRelay();
    const identity = makeIdentity();
    const before = await loggedIn(relay.port, { identity });
    expect(before.registration).toBe(0);
    const { id, port } = relay;
    await relay.restart();
    expect(relay.id).toBe(id);
    expect(relay.port).toBe(port);
    const after = await loggedIn(relay.port, { identity });
    expect(after.registration).toBe(1);
    after.close();
    await relay.stop();
  });

  test('remembers a registration that was answered just before a kill -9', async () => {
    const relay = await startRelay();
    for (let round = 0; round < 5; round++) {
      const identity = makeIdentity();
      const peer = await loggedIn(relay.port, { identity });
      await relay.restart({ hard: true });
      const again = await loggedIn(relay.port, { identity });
      expect(again.registration).toBe(1);
      again.close();
      peer.close();
    }
    expect(await sql(databaseOf(relay.data), 'PRAGMA integrity_check;')).toMatchObject({ code: 0 });
    await relay.stop();
  });

  test('can listen on its port right after a kill -9 with open connections', async () => {
    const relay = await startRelay();
    const { port } = relay;
    const sockets = await Promise.all(Array.from({ length: 20 }, () => connectRaw(port)));
    await relay.restart({ hard: true });
    expect(relay.port).toBe(port);
    for (const raw of sockets) raw.destroy();
    await relay.stop();
  });
});

describe('ending', () => {
  test.each(['SIGTERM', 'SIGINT'])('%s ends it with exit code 0, with and without open connections', async (signal) => {
    const relay = await startRelay();
    const peer = await loggedIn(relay.port);
    relay.process.signal(signal);
    expect(await relay.process.wait()).toEqual({ code: 0, signal: null });
    await peer.raw.whenClosed();
  });
});

/** Expects the relay to exit without a signal and to print in a few lines what is wrong (`pattern`). */
async function refusesToStart(args, pattern, options) {
  const { code, signal, stderr, stdout } = await runRelay(args, options);
  expect(signal, stderr).toBe(null);
  expect(code, stderr).toBeGreaterThan(0);
  expect(stderr).toMatch(pattern);
  expect(stderr.trim().split('\n').length, stderr).toBeLessThan(8);
  expect(stdout).not.toContain('ready');
}

describe('a clear message and no start', () => {
  const data = () => join(tempDir(), 'data');

  test.each([
    ['an unknown argument', ['--frobnicate'], /frobnicate/],
    ['an invalid listen address', ['--listen', 'nonsense'], /nonsense/],
    ['a port beyond 65535', ['--listen', '127.0.0.1:99999'], /99999/],
    ['an unknown limit', ['--limit', 'FROBS=3'], /FROBS/],
    ['a limit without a value', ['--limit', 'MESSAGE_MAX'], /MESSAGE_MAX/],
    ['a limit out of its range', ['--limit', 'MESSAGE_MAX=1'], /MESSAGE_MAX/],
    ['a limit that is no number', ['--limit', 'MESSAGE_MAX=many'], /many|MESSAGE_MAX/],
    ['an argument without its value', ['--data'], /data/],
  ])('%s', async (_name, args, pattern) => {
    await refusesToStart(
      [
        ...(args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0']),
        ...(args[0] === '--data' ? [] : ['--data', data()]),
        ...args,
      ],
      pattern,
    );
  });

  test('a taken port', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    await refusesToStart(
      ['--listen', `127.0.0.1:${port}`, '--data', data()],
      new RegExp(`${port}.*in use|in use.*${port}`, 'is'),
    );
    server.close();
  });

  test('a data folder below a file', async () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    await refusesToStart(['--listen', '127.0.0.1:0', '--data', join(file, 'data')], /data/);
  });

  test.runIf(process.getuid() === 0)('a data folder that it may not write', async () => {
    const parent = tempDir();
    chmodSync(parent, 0o755);
    const dir = join(parent, 'data');
    mkdirSync(dir, { mode: 0o755 });
    // Root ignores permissions, so run a copy as the user nobody, in a folder that this user may enter.
    const program = join(parent, 'pairlink-relay');
    await run('cp', [binary('pairlink-relay'), program]);
    chmodSync(program, 0o755);
    const { code, stderr } = await run(program, ['--listen', '127.0.0.1:0', '--data', dir], {
      uid: 65534,
      gid: 65534,
      cwd: '/',
    });
    expect(code, stderr).toBeGreaterThan(0);
    expect(stderr).toContain(dir);
    expect(stderr).toMatch(/permission denied|read-only|not writable/i);
  });

  test('a database of a newer version', async () => {
    const relay = await startRelay();
    (await loggedIn(relay.port)).close();
    await relay.stop();
    const path = databaseOf(relay.data);
    expect(await sql(path, 'PRAGMA user_version = 9999;')).toMatchObject({ code: 0 });
    await refusesToStart(['--listen', '127.0.0.1:0', '--data', relay.data], /newer|version/i);
  });

  test('a file that is not a database', async () => {
    const relay = await startRelay();
    await relay.stop();
    const path = databaseOf(relay.data);
    for (const more of ['-wal', '-shm']) await run('rm', ['-f', path + more]);
    writeFileSync(path, 'this is not a database, and it is long enough to be looked at '.repeat(100));
    await refusesToStart(['--listen', '127.0.0.1:0', '--data', relay.data], /database/i);
  });
});

describe('--version and --help', () => {
  test.each(['pairlink-relay', 'pairlink', 'pl-echo-server'])('%s', async (name) => {
    const version = await run(binary(name), ['--version']);
    expect(version).toMatchObject({ code: 0, signal: null });
    expect(version.stdout).toMatch(/\d+\.\d+\.\d+/);
    const help = await run(binary(name), ['--help']);
    expect(help).toMatchObject({ code: 0, signal: null });
    expect(help.stdout).toMatch(/usage/i);
  });
});
