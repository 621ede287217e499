/**
 * Many small files with `pairlink send` and `pairlink receive`: what is called saved is on the disk, whatever is killed
 * and when, and every file arrives whole, once.
 */
import {
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { diskGate } from '../support/disk_gate.js';
import { binary, run, tempDir, until } from '../support/process.js';
import { bothEnd, endAll, filesOf, ofKind } from '../support/files.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 240_000 };
let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
const { open, people } = filesOf(() => relay);
afterEach(endAll(open));

const nameOf = (n) => join(`d${n % 7}`, `f${String(n).padStart(5, '0')}`);

/** Makes a folder of files of 0 to 3 KiB, and one that is larger. */
function makeFolder(count) {
  const folder = join(tempDir(), 'many');
  for (let n = 0; n < 7; n++) mkdirSync(join(folder, `d${n}`), { recursive: true });
  for (let n = 0; n < count; n++) writeFileSync(join(folder, nameOf(n)), randomBytes((n * 37) % 3072));
  writeFileSync(join(folder, nameOf(count / 2)), randomBytes(300_000));
  return folder;
}

/** Returns the names below a folder. */
const namesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1));

const finalNamesIn = (folder) => (existsSync(folder) ? namesIn(folder).filter((name) => !name.endsWith('.part')) : []);

/** Every file with its final name is whole, and has the name that it was sent under. */
function expectWhole(folder, into) {
  for (const name of finalNamesIn(into))
    expect(readFileSync(join(into, name)).equals(readFileSync(join(folder, name))), name).toBe(true);
}

/** Every file that a program called saved is there. */
function expectSaved(program, into) {
  for (const { name } of ofKind(program, 'done')) expect(existsSync(join(into, name)), name).toBe(true);
}

function expectSame(folder, into) {
  expect(namesIn(into).sort()).toEqual(namesIn(folder).sort());
  expectWhole(folder, into);
}

describe('killed at any moment', () => {
  // A program is killed when the sender hears that the N-th file is saved: then others are about to be.
  test.each([
    ['receive', [3, 130, 131, 600, 900, 1340]],
    ['send', [5, 450, 1100]],
    ['both', [200, 800, 1300]],
  ])('%s: nothing that was called saved is missing, and nothing is there twice', LONG, async (who, moments) => {
    const p = await people();
    const folder = makeFolder(2000);
    const names = namesIn(folder).sort();
    const into = join(p.folder, 'many');
    const startReceive = () => p.receive(['--from', p.ids.sender, '--yes', '--json']);
    const startSend = () => p.send(['--to', p.ids.receiver, '--json', folder]);
    let receive = startReceive();
    let send = startSend();
    for (const n of moments) {
      await send.waitFor(new RegExp(`"done".*${names[n]}"`), { stream: 'stdout' });
      if (who !== 'send') await receive.kill9();
      if (who !== 'receive') await send.kill9();
      expectSaved(send, p.folder);
      expectSaved(receive, p.folder);
      expectWhole(folder, into);
      if (who !== 'send') receive = startReceive();
      if (who !== 'receive') send = startSend();
    }
    expect((await send.wait(120_000)).code, send.stderr).toBe(0);
    receive.signal('SIGINT'); // one that was started after the sender had ended waits for more
    await receive.wait();
    expectSame(folder, into);
  });
});

test.each([1, 2, 77, 500])('killed after it gave %s of the files their names', LONG, async (count) => {
  const p = await people();
  const folder = makeFolder(600);
  const args = ['--from', p.ids.sender, '--yes', '--json'];
  const env = { LD_PRELOAD: binary('disk_hooks.so'), PL_KILL_AFTER_NAMES: String(count) };
  const killed = p.receive(args, { env });
  const send = p.send(['--to', p.ids.receiver, '--json', folder]);
  expect((await killed.wait()).signal).toBe('SIGKILL');
  expect(finalNamesIn(join(p.folder, 'many')).length).toBe(count);
  expectSaved(killed, p.folder);
  await bothEnd(send, p.receive(args));
  expectSame(folder, join(p.folder, 'many'));
});

describe('held at the disk', () => {
  /** Starts `receive` so that its thread waits before each sync. pass(n) lets n through, and pass() all. */
  async function gated(p, options, ...words) {
    const gate = await diskGate(options);
    const receive = p.receive(['--from', p.ids.sender, '--yes', '--json', ...words], { env: gate.env });
    return { receive, ...gate };
  }

  test('no name before the bytes are on the disk, and not saved before the name is', LONG, async () => {
    const p = await people();
    const folder = makeFolder(100);
    const into = join(p.folder, 'many');
    const g = await gated(p);
    const send = p.send(['--to', p.ids.receiver, '--json', folder]);
    const parts = () => (existsSync(into) ? namesIn(into) : []);
    await until(() => parts().length === 100, 'all files have come');
    await until(() => g.asked() > 0, 'the first batch waits');
    expect(finalNamesIn(into)).toEqual([]);
    let passed = 0;
    for (; finalNamesIn(into).length === 0; passed++) {
      expect(ofKind(send, 'done')).toEqual([]);
      g.pass(1);
      await until(() => g.asked() > passed + 1, 'the next sync waits');
    }
    expect(ofKind(g.receive, 'done')).toEqual([]); // they have their names, which are not on the disk
    expect(ofKind(send, 'done')).toEqual([]);
    expectWhole(folder, into);
    await g.receive.kill9();
    const receive = p.receive(['--from', p.ids.sender, '--yes', '--json']);
    await bothEnd(send, receive);
    expectSame(folder, into);
    expect(ofKind(send, 'done').length).toBe(100);
  });

  test('one file is saved without waiting for others', LONG, async () => {
    const p = await people();
    const file = join(tempDir(), 'one');
    writeFileSync(file, 'one');
    const g = await gated(p);
    const send = p.send(['--to', p.ids.receiver, '--json', file]);
    await until(() => g.asked() === 1, 'its bytes wait');
    expect(finalNamesIn(p.folder)).toEqual([]);
    g.pass();
    await bothEnd(send, g.receive);
    expect(g.asked()).toBe(4); // its bytes, and the folder above its folder; its folder and the journal
  });

  test('a new folder is on the disk before a file in it counts as saved', LONG, async () => {
    const p = await people();
    const folder = join(tempDir(), 'many');
    mkdirSync(join(folder, 'below'), { recursive: true });
    writeFileSync(join(folder, 'below', 'one'), 'one');
    const g = await gated(p, { each: true });
    const send = p.send(['--to', p.ids.receiver, '--json', folder]);
    await until(() => g.asked() > 0, 'the first sync waits');
    g.pass();
    await bothEnd(send, g.receive);
    const into = realpathSync(p.folder);
    for (const at of [into, join(into, 'many'), join(into, 'many/below')]) expect(g.lines()).toContain(`fsync ${at}`);
  });

  test('so are the folder of --into, and folders of a run that was killed before they were', LONG, async () => {
    const p = await people();
    const folder = join(tempDir(), 'many');
    mkdirSync(join(folder, 'below'), { recursive: true });
    writeFileSync(join(folder, 'below', 'one'), 'one');
    const into = join(realpathSync(p.folder), 'new');
    const killed = await gated(p, {}, '--into', into);
    const send = p.send(['--to', p.ids.receiver, '--json', folder]);
    await until(() => killed.asked() > 0, 'the first sync waits');
    await killed.receive.kill9();
    expect(existsSync(join(into, 'many', 'below'))).toBe(true);
    const g = await gated(p, { each: true }, '--into', into);
    await until(() => g.asked() > 0, 'the first sync waits');
    g.pass();
    await bothEnd(send, g.receive);
    for (const at of [join(into, '..'), into, join(into, 'many'), join(into, 'many/below')])
      expect(g.lines()).toContain(`fsync ${at}`);
  });
});

test('more folders than the program may open', LONG, async () => {
  const p = await people();
  const folder = join(tempDir(), 'many');
  for (let n = 0; n < 400; n++) {
    mkdirSync(join(folder, `d${n}`), { recursive: true });
    writeFileSync(join(folder, `d${n}`, 'f'), `${n}`);
  }
  const wrap = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'];
  const receive = p.receive(['--from', p.ids.sender, '--yes', '--json'], { wrap });
  await bothEnd(p.send(['--to', p.ids.receiver, '--json', folder]), receive);
  expect(ofKind(receive, 'done').length).toBe(400);
});

describe('a full disk in the middle', () => {
  /** Starts `receive` with a small file system as its folder, which a file fills. Returns null when this is not
   * permitted. */
  async function onSmallDisk(p) {
    for (const how of [[], ['--map-root-user']]) {
      const unshare = ['unshare', ...how, '--mount'];
      if ((await run(unshare[0], [...unshare.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt'])).code !== 0) continue;
      const full = `mount -t tmpfs -o size=20m none ${p.folder}; head -c 17M /dev/zero > ${p.folder}/ballast; exec "$@"`;
      const wrap = [...unshare, 'sh', '-ec', full, 'sh'];
      const receive = p.receive(['--from', p.ids.sender, '--yes', '--json'], { wrap });
      const ballast = join(`/proc/${receive.pid}/root${p.folder}`, 'ballast');
      await until(() => existsSync(ballast), 'the disk is full');
      // The descriptor keeps the file system when the program has ended.
      return { receive, folder: `/proc/self/fd/${openSync(join(ballast, '..'), constants.O_DIRECTORY)}` };
    }
    return null;
  }

  test(
    'the files before it are kept, both sides say it, and the rest comes when there is room',
    LONG,
    async (context) => {
      const p = await people();
      const folder = makeFolder(1000);
      const disk = await onSmallDisk(p);
      if (!disk) context.skip();
      const send = p.send(['--to', p.ids.receiver, '--json', folder]);
      await disk.receive.waitFor('"error":"disk_full"', { stream: 'stdout' });
      await send.waitFor(/disk of .* is full/, { stream: 'stderr' });
      const saved = ofKind(send, 'done');
      expect(saved.length).toBeGreaterThan(100);
      expectSaved(send, disk.folder);
      expectWhole(folder, join(disk.folder, 'many'));
      rmSync(join(disk.folder, 'ballast'));
      await disk.receive.waitFor(/room again/, { stream: 'stderr' });
      await send.wait();
      expectSame(folder, join(disk.folder, 'many'));
      await bothEnd(send, disk.receive);
    },
  );
});
