/**
 * How file transfers end: every message is true and reaches the other side, and no side waits forever.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../web/client/core/wire.js';
import { FILE_PIECE_BYTES } from '../../web/client/wire_table.js';
import { startCli } from '../support/cli.js';
import { CODE, bothEnd, endAll, filesOf, makeFile, ofKind, sha256 } from '../support/files.js';
import { clientsOf, event, online } from '../support/js_client.js';
import { run, tempDir, until } from '../support/process.js';
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

const receiveArgs = (p, ...more) => ['--from', p.ids.sender, '--yes', '--json', ...more];
const sendArgs = (p, ...paths) => ['--to', p.ids.receiver, '--json', ...paths];
/** Writes other bytes, but keeps size and time. */
async function changeInSecret(path) {
  const times = join(tempDir(), 'times');
  await run('touch', ['-r', path, times]);
  writeFileSync(path, randomBytes(statSync(path).size));
  await run('touch', ['-r', times, path]); // to the nanosecond
}

describe('a file that is received into a folder is in that folder', () => {
  /** Sends once into the first folder, then `again` into any folder. */
  async function twice(change, again) {
    const p = await people();
    const file = makeFile(join(tempDir(), 'photo.jpg'), 2 * MiB + 5);
    await bothEnd(p.send(sendArgs(p, file)), p.receive(receiveArgs(p)));
    const two = tempDir('pairlink-two-');
    await change?.({ p, file, two });
    const ends =
      again ?? (() => ({ send: p.send(sendArgs(p, file)), receive: p.receive(receiveArgs(p, '--into', two)) }));
    const { send, receive } = await ends({ p, file, two });
    await bothEnd(send, receive);
    const sum = await sha256(file);
    for (const one of [send, receive]) expect(ofKind(one, 'done').at(-1)).toMatchObject({ sha256: sum });
    return { p, file, two, sum, send, receive };
  }
  test('also when it was saved in another folder before: copied from there', LONG, async () => {
    const { p, file, two, sum, receive } = await twice();
    expect(await sha256(join(two, 'photo.jpg'))).toBe(sum);
    expect(ofKind(receive, 'progress').filter(({ bytes }) => bytes > 0 && bytes < 2 * MiB)).toEqual([]); // nothing was sent again
    for (const into of [p.folder, two]) {
      const once = p.receive(receiveArgs(p, '--into', into));
      await bothEnd(p.send(sendArgs(p, file)), once);
      expect(once.stderr).toMatch(/Already here, SHA-256 matches/);
      expect(readdirSync(into)).toEqual(['photo.jpg']);
    }
  });
  test('by a new code with --new, too', LONG, async () => {
    const { two, sum } = await twice(null, async ({ p, file, two: into }) => {
      const send = p.send([file, '--json', '--new']);
      const receive = p.receive(['--json', '--new', '--into', into]);
      receive.end(`${(await send.waitFor(CODE, { stream: 'stderr' }))[1]}\n`);
      return { send, receive };
    });
    expect(await sha256(join(two, 'photo.jpg'))).toBe(sum);
  });
  test('and when the copy elsewhere was changed but kept its time: sent again', LONG, async () => {
    const { two, sum } = await twice(({ p }) => changeInSecret(join(p.folder, 'photo.jpg')));
    expect(await sha256(join(two, 'photo.jpg'))).toBe(sum);
    expect(readdirSync(two)).toEqual(['photo.jpg']);
  });
  test('and when the copy here was changed but kept its time: sent again, next to it', LONG, async () => {
    const here = ({ p, file }) => ({ send: p.send(sendArgs(p, file)), receive: p.receive(receiveArgs(p)) });
    const { p, sum } = await twice(({ p: q }) => changeInSecret(join(q.folder, 'photo.jpg')), here);
    expect(readdirSync(p.folder).sort()).toEqual(['photo (2).jpg', 'photo.jpg']);
    expect(await sha256(join(p.folder, 'photo (2).jpg'))).toBe(sum);
  });
  test('and when the file was changed at the sender but kept its time', LONG, async () => {
    const here = ({ p, file }) => ({ send: p.send(sendArgs(p, file)), receive: p.receive(receiveArgs(p)) });
    const { p, sum } = await twice(({ file }) => changeInSecret(file), here);
    expect(await sha256(join(p.folder, 'photo (2).jpg'))).toBe(sum);
  });
  test('a folder, half of it saved before', LONG, async () => {
    const p = await people();
    const folder = join(tempDir(), 'album');
    mkdirSync(folder);
    for (let i = 0; i < 100; i++) writeFileSync(join(folder, `${i}`), randomBytes(1000 + i));
    await bothEnd(p.send(sendArgs(p, folder)), p.receive(receiveArgs(p)));
    for (let i = 0; i < 50; i++) rmSync(join(p.folder, 'album', `${i}`));
    const two = tempDir('pairlink-two-');
    const receive = p.receive(receiveArgs(p, '--into', two));
    await bothEnd(p.send(sendArgs(p, folder)), receive);
    expect((await run('diff', ['-r', folder, join(two, 'album')])).stdout).toBe('');
    expect(ofKind(receive, 'done').length).toBe(100);
  });
  test.each(['again', 'still'])(
    'a folder that was sent with another one before, which is not whole: receive runs %s',
    LONG,
    async (how) => {
      const p = await people();
      const [album, other] = ['album', 'other'].map((name) => join(tempDir(), name));
      for (const folder of [album, other]) mkdirSync(folder);
      for (let i = 0; i < 3; i++) writeFileSync(join(album, `${i}`), randomBytes(1000));
      makeFile(join(other, 'large'), 2 * MiB);
      const both = [album, other];
      const limit = (receive, bytes) => run('prlimit', ['--pid', String(receive.pid), `--fsize=${bytes}:unlimited`]);
      let send = p.send(sendArgs(p, ...both));
      let receive = p.receive(receiveArgs(p));
      await limit(receive, MiB);
      await until(
        () => ofKind(receive, 'done').length === 3 && ofKind(receive, 'waiting').length === 1,
        'the large one waits for room',
      );
      await send.kill9();
      if (how === 'again') {
        await receive.kill9();
        receive = p.receive(receiveArgs(p));
      }
      writeFileSync(join(album, '3'), 'new');
      send = p.send(sendArgs(p, album));
      if (how === 'still') {
        expect((await send.wait(30_000)).code, send.stderr).toBe(0);
        await limit(receive, 'unlimited');
        send = p.send(sendArgs(p, ...both));
      }
      await bothEnd(send, receive, 0, 30_000);
      expect(readdirSync(p.folder).filter((name) => /^album/.test(name)).length).toBe(2); // one for each offer
      if (how === 'still')
        expect(await sha256(join(p.folder, 'other', 'large'))).toBe(await sha256(join(other, 'large')));
    },
  );
});

describe('a file that fails at the sender ends at both sides', () => {
  test.each([
    ['touched', (file) => utimesSync(file, 1, 1)],
    ['cut short', (file) => writeFileSync(file, 'short')],
  ])('%s while it is sent', LONG, async (_, spoil) => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'big'), 8 * MiB);
    const receive = p.receive(receiveArgs(p));
    await run('prlimit', ['--pid', String(receive.pid), `--fsize=${MiB}:unlimited`]); // so it stops midway
    const send = p.send(sendArgs(p, file));
    await send.waitFor(/disk of .* is full/, { stream: 'stderr' });
    spoil(file);
    await run('prlimit', ['--pid', String(receive.pid), '--fsize=unlimited:unlimited']);
    await bothEnd(send, receive, 7);
    for (const one of [send, receive])
      expect(
        ofKind(one, 'error').find(({ error }) => error === 'changed'),
        one.stdout,
      ).toMatchObject({ name: 'big' });
    expect(readdirSync(p.folder)).toEqual([]);
  });
  test('a missing file, the last of several', LONG, async () => {
    const p = await people();
    const dir = tempDir();
    const files = ['a', 'b', 'c'].map((name) => makeFile(join(dir, name), 1000));
    const send = p.send(sendArgs(p, ...files));
    await send.waitFor('Connected to the relay', { stream: 'stderr' });
    rmSync(files[2]);
    const receive = p.receive(receiveArgs(p));
    await bothEnd(send, receive, 7);
    for (const one of [send, receive])
      expect(ofKind(one, 'error')).toMatchObject([{ error: 'changed', name: 'c' }, { error: 'io' }]);
    expect(readdirSync(p.folder).sort()).toEqual(['a', 'b']);
  });
});

describe('a receiver that accepts small messages only', () => {
  /** A client that receives a file from `send`. */
  async function receiver(messageMax) {
    const p = await people();
    const client = await online(
      await clients.make({
        application: 'chat/1',
        acceptAll: true,
        options: { messageMax, channelWindow: 4 * messageMax },
      }),
    );
    const incoming = event(client, 'session');
    const bytes = randomBytes(MiB + 1);
    const file = join(tempDir(), 'file');
    writeFileSync(file, bytes);
    const send = p.send(['--to', client.id, '--json', file]);
    const session = await incoming;
    return { send, session, bytes };
  }
  test.each([65536, 100_000, FILE_PIECE_BYTES + 24, FILE_PIECE_BYTES + 25])(
    'of %i bytes gets pieces that fit one record',
    LONG,
    async (messageMax) => {
      const { send, session, bytes } = await receiver(messageMax);
      const parts = [];
      let largest = 0;
      session.on('message', ({ channel, data }) => {
        const id = data.slice(1, 17);
        largest = Math.max(largest, data.length);
        if (channel === 0 && data[0] === 2) session.send(encode('file_get', { type: 3, id, offset: 0 }));
        if (channel === 1 && data[0] === 7) parts.push(data.slice(25));
        if (channel === 1 && data[0] === 8) session.send(encode('file_saved', { type: 6, id }));
      });
      expect(session.messageMax).toBe(messageMax); // the smaller of both sides
      expect((await send.wait(60_000)).code, send.stderr).toBe(0);
      expect(Buffer.concat(parts).equals(bytes)).toBe(true);
      expect(largest).toBe(15 * 4096 + 25);
    },
  );
  test('smaller than the protocol requires: an error message, and the end', LONG, async () => {
    const { send, session } = await receiver(65535);
    expect((await send.wait(60_000)).code, send.stderr).toBe(4);
    expect(send.stderr).toMatch(/at most 65535 bytes, and files need 65536/);
    expect(await session.closed).toMatchObject({ reason: 'REFUSED' });
  });
});

describe('a peer that offers without end', () => {
  const NONE = new Uint8Array(16);
  const idOf = (n) => Uint8Array.from({ length: 16 }, (_, i) => (i < 4 ? n >> (8 * i) : 1) & 255);
  /** Offers `count` small files to a `receive --yes`, as fast as they go. */
  async function flood(count, size = 7) {
    const folder = tempDir('pairlink-flood-');
    const client = await online(await clients.make({ application: 'chat/1', acceptAll: true }));
    const incoming = event(client, 'session');
    const receive = startCli(
      { relay, env: { XDG_STATE_HOME: '' } },
      'receive',
      '--into',
      folder,
      '--from',
      client.id,
      '--yes',
      '--json',
    );
    open.push(receive);
    const session = await incoming;
    const sent = [];
    for (let n = 0; n < count; n++)
      sent.push(
        session.send(
          encode('file_offer', {
            type: 2,
            id: idOf(n),
            flags: 0,
            size,
            group: NONE,
            group_files: 0,
            group_bytes: 0,
            name: Buffer.from(`f${n}`),
            media_type: NONE.slice(0, 0),
          }),
        ),
      );
    return { folder, client, session, receive, sent };
  }
  const parts = (folder) => readdirSync(folder).filter((name) => name.endsWith('.part'));

  test.each([
    ['small', 7, 256],
    ['large', 2 * MiB, 16],
  ])('opens a bounded number of %s files, Ctrl-C is answered, and nothing is left', LONG, async (_, size, bound) => {
    const f = await flood(4000, size);
    await f.receive.waitFor('Receiving f1000 ', { stream: 'stderr' });
    await until(() => parts(f.folder).length >= bound, `${bound} are open`);
    const most = parts(f.folder).length;
    f.receive.signal('SIGINT');
    expect((await f.receive.wait()).code, f.receive.stderr.slice(-500)).toBe(130);
    expect(most).toBe(bound);
    expect(readdirSync(f.folder)).toEqual([]); // an empty part file is removed: there is nothing to resume
    const state = join(f.receive.identity, '..', '.local', 'state', 'pairlink', 'receiving', 'units');
    expect(statSync(state).size).toBeLessThan(4100 * 400);
  });

  test('its unfinished files can be removed', LONG, async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'big'), 8 * MiB);
    mkdirSync(join(p.folder, 'mine'));
    writeFileSync(join(p.folder, '.mine.part'), 'not of this program');
    const receive = p.receive(receiveArgs(p));
    await run('prlimit', ['--pid', String(receive.pid), `--fsize=${MiB}:unlimited`]);
    const send = p.send(sendArgs(p, file));
    await send.waitFor(/disk of .* is full/, { stream: 'stderr' });
    const busy = p.receive(['--clean']);
    expect((await busy.wait()).code, busy.stderr).toBe(0);
    expect(parts(p.folder).length).toBe(2); // it is being received
    receive.signal('SIGINT');
    await receive.wait();
    send.signal('SIGINT');
    await send.wait();
    const clean = p.receive(['--clean']);
    expect((await clean.wait()).code, clean.stderr).toBe(0);
    expect(clean.stderr).toMatch(/Part files removed: 1/);
    expect(readdirSync(p.folder).sort()).toEqual(['.mine.part', 'mine']);
    const again = p.receive([], { env: { PAIRLINK_CODE: '' } });
    again.end();
    expect((await again.wait()).code).toBe(2); // nothing to resume: it asks for a code
  });
});

test('names are shown whole, and nothing in them is hidden', LONG, async () => {
  const p = await people();
  const top = join(tempDir(), 'project');
  mkdirSync(join(top, '.git'), { recursive: true });
  for (const name of ['.git/config', '-rf', 'a\u200bb\u2060.txt']) writeFileSync(join(top, name), name);
  await bothEnd(p.send(sendArgs(p, top)), p.receive(receiveArgs(p)));
  expect(readdirSync(join(p.folder, 'project')).sort()).toEqual(['_git', '_rf', 'ab.txt']);
  expect(existsSync(join(p.folder, 'project', '_git', 'config'))).toBe(true);
  expect(
    createHash('sha256')
      .update(readFileSync(join(p.folder, 'project', '_rf')))
      .digest('hex'),
  ).toBe(await sha256(join(top, '-rf')));
});
