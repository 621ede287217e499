/**
 * The relay cannot read what it carries: it is not linked with code that could, and what a person types appears nowhere
 * in what the relay receives or keeps.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sees } from '../support/blindness.mjs';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { BIN } from '../support/process.js';
import { unmasked } from '../support/raw.js';
import { startProxy } from '../support/proxy.js';
import { startRelay } from '../support/relay.js';

describe('what is linked', () => {
  test('the relay has no cipher, no key exchange, no session', () => {
    expect(sees(BIN, 'pairlink-relay')).toEqual([]);
  });

  test('the same check finds all of them in the client, so it can fail', () => {
    const found = sees(BIN, 'pairlink').join('\n');
    for (const part of ['crypto_aead', 'crypto_scalarmult', 'pl_noise', 'pl_session', 'pl_engine'])
      expect(found).toContain(part);
  });
});

/** Returns a marker in every form in which text could be kept: plain, base64 at each offset, hexadecimal, UTF-16. */
function forms(marker) {
  const base64 = [0, 1, 2].map((skip) =>
    Buffer.from('x'.repeat(skip) + marker)
      .toString('base64')
      .slice(skip ? 4 : 0, -4),
  );
  return [
    Buffer.from(marker),
    ...base64.map((text) => Buffer.from(text)),
    Buffer.from(Buffer.from(marker).toString('hex')),
    Buffer.from(marker, 'utf16le'),
  ];
}

/** Returns the bytes of an ID's text. */
function publicKeyOf(id) {
  const bits = [...id.slice(0, 52)]
    .map((c) => 'abcdefghijklmnopqrstuvwxyz234567'.indexOf(c).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from(Array.from({ length: 32 }, (_, i) => parseInt(bits.slice(i * 8, i * 8 + 8), 2)));
}

const filesOf = (dir) =>
  readdirSync(dir, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesOf(join(dir, entry.name)) : [join(dir, entry.name)],
  );

test('what is typed appears nowhere: not on the wire, not in the database, not in the log', async () => {
  const marker = `marker-${randomBytes(12).toString('hex')}-typed`;
  const relay = await startRelay();
  const proxy = await startProxy(relay.port);
  const callee = newIdentity();
  const id = await idOf(callee);
  const listen = startCli({ relay: proxy.ws, identity: callee }, 'listen', '--accept', 'all');
  const connect = startCli({ relay: proxy.ws }, 'connect', id);
  await connect.write(marker);
  await listen.waitFor(marker, { stream: 'stdout' });
  await listen.write(marker);
  await connect.waitFor(marker, { stream: 'stdout' });
  connect.end();
  listen.end();
  expect((await connect.wait()).code, connect.stderr).toBe(0);
  expect((await listen.wait()).code, listen.stderr).toBe(0);
  // Clients mask their WebSocket frames: search the unmasked bytes, too.
  const received = proxy.recordings.map(({ sent }) => unmasked(Buffer.concat(sent)));
  expect(
    received.some((bytes) => bytes.includes(publicKeyOf(id))),
    'the search sees what is in the clear: the ID',
  ).toBe(true);
  const wire = [proxy.sent(), ...received, proxy.received()];
  const kept = () => filesOf(relay.data).map((path) => readFileSync(path));
  for (const form of forms(marker)) {
    for (const bytes of [...wire, ...kept(), Buffer.from(relay.log)]) expect(bytes.includes(form)).toBe(false);
  }
  await relay.stop();
  for (const form of forms(marker)) for (const bytes of kept()) expect(bytes.includes(form)).toBe(false);
  await proxy.stop();
});

test('the search finds a marker that is sent in the clear', () => {
  const marker = 'marker-in-the-clear-typed';
  const key = [1, 2, 3, 4];
  const masked = Buffer.from(marker).map((byte, i) => byte ^ key[i & 3]);
  const frame = Buffer.concat([Buffer.from([0x82, 0x80 | marker.length, ...key]), masked]);
  expect(frame.includes(marker)).toBe(false);
  expect(unmasked(Buffer.concat([Buffer.from('GET / HTTP/1.1\r\n\r\n'), frame])).includes(marker)).toBe(true);
});
