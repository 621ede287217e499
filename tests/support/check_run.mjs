/**
 * `./dev run` as the README promises it: an address to open, the relay's ID, where its data is, Ctrl-C; with --lan a QR
 * code and an address that phones can reach.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import net from 'node:net';
import { join } from 'node:path';
import { Program, once, tempDir } from './process.js';

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function startDev(...args) {
  const port = await freePort();
  const data = join(tempDir(), 'data');
  const dev = new Program('./dev', ['run', '--port', String(port), ...args], { env: { PAIRLINK_DATA: data } });
  await dev.waitFor(/Reset {5}rm -r/, { ms: 300_000 });
  return { dev, port, data };
}

async function fetched(url) {
  const answer = await fetch(url);
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    policy: answer.headers.get('content-security-policy'),
    body: await answer.text(),
  };
}

async function loopback() {
  const { dev, port, data } = await startDev();
  assert.match(dev.stdout, new RegExp(`Open +http://localhost:${port}\\n`));
  assert.match(dev.stdout, /Relay ID +[a-z2-7]{54}\n/);
  assert.ok(dev.stdout.includes(`rm -r ${data}`), dev.stdout);
  assert.ok(existsSync(data));
  assert.doesNotMatch(dev.stdout, /Phones/);
  for (const host of ['127.0.0.1', 'localhost']) {
    const page = await fetched(`http://${host}:${port}/`);
    assert.equal(page.status, 200);
    assert.match(page.type, /^text\/html/);
    assert.match(page.policy, /default-src|script-src/);
    assert.match(page.body, /<!doctype html>/i);
  }
  // Ctrl-C in a terminal reaches the whole group.
  dev.signalGroup('SIGINT');
  assert.deepEqual(await dev.wait(), { code: 0, signal: null });
}

async function signalled() {
  const { dev, port } = await startDev();
  dev.signal('SIGTERM');
  assert.deepEqual(await dev.wait(), { code: 0, signal: null });
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
}

async function lan() {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((a) => !a.internal && a.family === 'IPv4' && !a.address.startsWith('169.254.'))?.address;
  const { dev, port } = await startDev('--lan');
  if (address) {
    assert.ok(dev.stdout.includes(`http://${address}:${port}`), dev.stdout);
    assert.match(dev.stdout, /[█▀▄]|\x1b\[/, 'a QR code');
    assert.equal((await fetched(`http://${address}:${port}/`)).status, 200);
  }
  dev.signalGroup('SIGINT');
  assert.equal((await dev.wait()).code, 0);
}

for (const part of [loopback, signalled, lan]) await part();
console.log('ok');
