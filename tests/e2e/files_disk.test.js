/**
 * What happens while `receive` waits for the disk: a file is cancelled, the other side leaves, the disk fails late.
 */
import { constants } from 'node:os';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FILE_CANCELLED } from '../../web/client/wire_table.js';
import { newIdentity } from '../support/cli.js';
import { diskGate } from '../support/disk_gate.js';
import { filePeerOf } from '../support/file_peer.js';
import { bothEnd, endAll, filesOf, makeFile, ofKind, sha256 } from '../support/files.js';
import { clientsOf } from '../support/js_client.js';
import { binary, tempDir, until } from '../support/process.js';
import { startInTerminal } from '../support/pty.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 120_000 };
const MiB = 1 << 20;
let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
const { open, people } = filesOf(() => relay);
afterEach(endAll(open));
const clients = clientsOf(() => relay);
afterAll(() => clients.stopAll());
const filePeer = filePeerOf({ clients, relay: () => relay, open });

/** Offers a file and sends all of it, once it is wanted. */
async function sendWhole(h, n, name, content) {
  const wanted = h.wanted(n);
  await h.offer(n, name, content.length);
  await wanted;
  await h.data(n, 0, content);
  await h.end(n, content);
}

const errorsOf = (h) => ofKind(h.receive, 'error').map(({ error }) => error);

describe('a file that is cancelled', () => {
  /** Starts a receiver that has a whole file and waits at the disk. */
  async function whole() {
    const gate = await diskGate();
    const h = await filePeer({ env: gate.env });
    await sendWhole(h, 1, 'f', 'first');
    await until(() => gate.asked() > 0, 'its bytes wait');
    return { gate, h };
  }

  /** The same id is offered again at once: it arrives under the same name. */
  async function comesAgain({ gate, h }) {
    await h.stop(1, FILE_CANCELLED);
    await until(() => errorsOf(h).length === 1, 'the cancelled file has its end');
    expect(errorsOf(h)).toEqual(['cancelled']);
    expect(readdirSync(h.folder)).toEqual([]);
    await sendWhole(h, 1, 'f', 'other');
    const saved = h.saved(1);
    gate.pass();
    await saved;
    expect(readdirSync(h.folder)).toEqual(['f']);
    expect(readFileSync(join(h.folder, 'f'), 'utf8')).toBe('other');
    expect(ofKind(h.receive, 'done')).toMatchObject([{ name: 'f' }]);
  }

  test('while its bytes go to the disk: nothing of it is left, and it can come again', LONG, async () => {
    await comesAgain(await whole());
  });

  test('after it got its name, which is not on the disk: likewise', LONG, async () => {
    const { gate, h } = await whole();
    for (let passed = 0; !readdirSync(h.folder).includes('f'); passed++) {
      gate.pass(1);
      await until(() => gate.asked() > passed + 1, 'the next sync waits');
    }
    expect(ofKind(h.receive, 'done')).toEqual([]);
    await comesAgain({ gate, h });
  });
});

describe('the other side leaves', () => {
  test.each(['sync', 'write'])(
    'while a thread (%s) still has a file that failed: the exit code of the failure',
    LONG,
    async (what) => {
      const gate = await diskGate({ what });
      const h = await filePeer({ env: gate.env });
      const wanted = h.wanted(1);
      await h.offer(1, 'f', 5);
      await wanted;
      await h.data(1, 0, 'first');
      if (what === 'sync') await h.end(1, 'first');
      await until(() => gate.asked() > 0, 'its bytes wait');
      const stopped = h.stopped(1);
      await h.offer(1, 'f', 6); // the same id cannot be another file
      await stopped;
      h.session.close();
      await h.receive.waitFor('"error":"io"', { stream: 'stdout' });
      expect(gate.asked()).toBe(1);
      expect(h.receive.running).toBe(true);
      gate.pass();
      expect((await h.receive.wait()).code, h.receive.stderr).toBe(7);
      expect(readdirSync(h.folder)).toEqual([]);
    },
  );

  test('before a question is answered: says what is here, and ends with 5', LONG, async () => {
    const identity = newIdentity();
    const run = (words, { relay: at }) =>
      startInTerminal(binary('pairlink'), ['--relay', at.ws, '--identity', identity, ...words], {
        env: { HOME: join(identity, '..'), XDG_STATE_HOME: '', XDG_CONFIG_HOME: '', NO_COLOR: '1' },
      });
    const h = await filePeer({ run, words: [] });
    const wanted = h.wanted(1);
    await h.offer(1, 'one', 5);
    await h.receive.waitFor('one (5 B). Accept? [Y/n]');
    await h.receive.write('y\n');
    await wanted;
    const saved = h.saved(1);
    await h.data(1, 0, 'first');
    await h.end(1, 'first');
    await saved;
    await h.offer(2, 'two', 5);
    await h.receive.waitFor('two (5 B). Accept? [Y/n]');
    h.session.close();
    expect((await h.receive.wait()).code, h.receive.stdout).toBe(5);
    expect(h.receive.stdout).toContain('only a part was received: 1 file');
    expect(h.receive.stdout).not.toContain('nothing was received');
    expect(readdirSync(h.folder)).toEqual(['one']);
  });
});

describe('the disk fails late', () => {
  const start = (p, error) =>
    p.receive(['--from', p.ids.sender, '--yes', '--json'], { env: { LD_PRELOAD: binary('disk_hooks.so'), ...error } });

  test('only the sync says that the disk is full: the file waits, and comes again as a whole', LONG, async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'big'), 3 * MiB);
    const receive = start(p, { PL_SYNC_ERROR: String(constants.errno.ENOSPC) });
    const send = p.send(['--to', p.ids.receiver, '--json', file]);
    await receive.waitFor('"error":"disk_full"', { stream: 'stdout' });
    await send.waitFor(/disk of .* is full/, { stream: 'stderr' });
    expect(ofKind(send, 'done')).toEqual([]);
    await bothEnd(send, receive);
    expect(await sha256(join(p.folder, 'big'))).toBe(await sha256(file));
    expect(ofKind(receive, 'done').length).toBe(1);
  });

  test.each([
    ['the sync of a file', { PL_SYNC_ERROR: String(constants.errno.EIO) }, 1],
    ['an early wait for a part of it, which the sync would not report again', { PL_RANGE_ERROR: '28' }, 24],
  ])('%s fails: it is not saved, and both sides say so', LONG, async (_, error, size) => {
    const p = await people();
    const receive = start(p, error);
    const send = p.send(['--to', p.ids.receiver, '--json', makeFile(join(tempDir(), 'big'), size * MiB)]);
    await bothEnd(send, receive, 7);
    for (const one of [send, receive]) {
      expect(ofKind(one, 'error')).toMatchObject([{ error: 'unwritable', name: 'big' }, { error: 'io' }]);
      expect(ofKind(one, 'done')).toEqual([]);
    }
    expect(readdirSync(p.folder)).toEqual([]);
  });
});
