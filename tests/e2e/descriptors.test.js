/** What the relay does when it may open only a few files, or when the first three are closed. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { binary, run, start, tempDir, until } from '../support/process.js';
import { connectRaw, rawHttp } from '../support/raw.js';
import { startRelay } from '../support/relay.js';

const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).map(Number);
const isIdle = (pid) =>
  readdirSync(`/proc/${pid}/task`).every((thread) =>
    /^\d+ \(.*\) S /s.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
  );

/** Waits until all threads are seen asleep five times in a row, which a spinning thread never is. */
async function rests(pid) {
  let seen = 0;
  await until(() => (seen = isIdle(pid) ? seen + 1 : 0) >= 5, 'all threads of the relay rest', { interval_ms: 5 });
}

describe('at the limit of open files', () => {
  test('each of 200 connections is served or closed, and their descriptors are freed', async () => {
    const relay = await startRelay({ wrap: ['prlimit', '--nofile=64:64'], args: ['--workers', '2'] });
    const before = descriptors(relay.pid).length;
    const sockets = await Promise.all(Array.from({ length: 200 }, () => connectRaw(relay.port)));
    await until(() => sockets.some((raw) => raw.ended || raw.closed), 'a connection is refused');
    for (const raw of sockets) raw.send(HEALTH);
    await Promise.all(sockets.map((raw) => raw.whenClosed()));
    expect(sockets.filter((raw) => raw.data.includes('200 OK')).length).toBeGreaterThan(10);
    for (const raw of sockets) raw.destroy();
    await rests(relay.pid);
    await until(() => descriptors(relay.pid).length === before, 'as many descriptors as before');
    expect((await rawHttp(relay.port, HEALTH)).status).toBe(200);
    expect((await relay.stop()).code, relay.log).toBe(0);
  });

  test('without any descriptor left it stays idle, and serves the waiting ones once there are some again', async () => {
    const relay = await startRelay({ args: ['--workers', '2'] });
    const before = descriptors(relay.pid).length;
    const limit = (n) => run('prlimit', ['--pid', String(relay.pid), `--nofile=${n}:`]);
    const usual = readFileSync(`/proc/${relay.pid}/limits`, 'utf8').match(/^Max open files +(\d+)/m)[1];
    expect((await limit(4)).code).toBe(0);
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connectRaw(relay.port)));
    for (const raw of sockets) raw.send(HEALTH);
    await relay.process.waitFor('event=paused reason=fd-limit');
    await rests(relay.pid);
    expect((await limit(usual)).code).toBe(0);
    await Promise.all(sockets.map((raw) => raw.whenClosed()));
    // Each worker accepted at most one connection to refuse it, with its spare descriptor, before it lost that.
    expect(sockets.filter((raw) => raw.data.includes('200 OK')).length).toBeGreaterThanOrEqual(6);
    await until(() => descriptors(relay.pid).length === before, 'as many descriptors as before');
    expect((await relay.stop()).code, relay.log).toBe(0);
  });
});

/** Returns what a descriptor refers to; empty when it was closed meanwhile. */
function targetOf(pid, fd) {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}

/** Returns the port that a process listens on, for one that cannot print it. */
function listensOn(pid) {
  const inodes = descriptors(pid).map((fd) => targetOf(pid, fd).match(/socket:\[(\d+)\]/)?.[1]);
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const row = rows.find((r) => r[3] === '0A' && inodes.includes(r[9]));
  return row && parseInt(row[1].split(':')[1], 16);
}

describe.each(['pairlink-relay', 'pl-echo-server'])('%s with closed standard streams', (name) => {
  test.each(['0<&-', '0<&- 2>&-', '0<&- 1>&- 2>&-'])('%s', async (redirections) => {
    const data = join(tempDir(), 'data');
    const more = name === 'pairlink-relay' ? ['--data', data] : [];
    const program = start('sh', [
      '-c',
      `exec "$0" "$@" ${redirections}`,
      binary(name),
      '--listen',
      '127.0.0.1:0',
      ...more,
    ]);
    const port = await until(() => program.running && listensOn(program.pid), 'it listens');
    for (const fd of redirections.match(/\d/g)) expect(targetOf(program.pid, fd)).toBe('/dev/null');
    expect((await rawHttp(port, HEALTH)).status).toBeGreaterThan(0);
    program.signal('SIGTERM');
    expect(await program.wait(), program.stderr).toEqual({ code: 0, signal: null });
  });
});
