/**
 * `pairlink send` and `pairlink receive` through the real relay: whatever is killed, every file arrives whole, once.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newIdentity } from '../support/cli.js';
import { encode } from '../../web/client/core/wire.js';
import { clientsOf } from '../support/js_client.js';
import { binary, run, start, tempDir, until } from '../support/process.js';
import { startInTerminal } from '../support/pty.js';
import { startProxy } from '../support/proxy.js';
import { filePeerOf } from '../support/file_peer.js';
import { CODE, bothEnd, endAll, filesOf, makeFile, ofKind, sha256 } from '../support/files.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 180_000 };
const SOAK = Boolean(process.env.PAIRLINK_SOAK);
const MiB = 1 << 20;
/** The bytes sent besides the file's own, for each byte of a file; 0.0014 without interruptions. */
const AROUND = 0.0015;
let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
const { open, people, byCode } = filesOf(() => relay);
afterEach(endAll(open));

describe('by a code', () => {
  const size = (SOAK ? 1024 : 128) * MiB;
  test(
    `${size / MiB} MiB, the relay killed twice and the receiver once: the same SHA-256, under 1 % sent again`,
    { timeout: SOAK ? 900_000 : 180_000 },
    async () => {
      const own = await startRelay();
      const proxy = await startProxy(own.port, { record: false });
      const p = await people(own.ws);
      const file = makeFile(join(tempDir(), 'big.iso'), size);
      const send = p.send([file, '--json'], { relay: proxy.ws });
      let sent = 0;
      const passed = (bytes) =>
        new Promise((done) => {
          const check = () => {
            if (sent < bytes) return;
            proxy.off('sent', check);
            done();
          };
          proxy.on('sent', check);
        });
      proxy.on('sent', (chunk) => (sent += chunk.length));
      const code = (await send.waitFor(CODE, { stream: 'stderr' }))[1];
      let receive = p.receive(['--json']);
      receive.end(`${code}\n`);
      await passed(size * 0.25);
      await own.restart({ hard: true });
      await passed(size * 0.5);
      await receive.kill9();
      receive = p.receive(['--json']);
      receive.end();
      await passed(size * 0.75);
      await own.restart({ hard: true });
      await bothEnd(send, receive, 0, SOAK ? 800_000 : 120_000);
      const sum = await sha256(file);
      expect(await sha256(join(p.folder, 'big.iso'))).toBe(sum);
      expect(readdirSync(p.folder)).toEqual(['big.iso']);
      for (const program of [send, receive])
        expect(ofKind(program, 'done')).toMatchObject([{ name: 'big.iso', size, sha256: sum }]);
      // One percent of the file again, and what surrounds the bytes: headers, seals, texts, acknowledgements.
      expect(sent, `${sent} bytes were sent`).toBeLessThan(size * (1.01 + AROUND));
      for (const kind of ['lost', 'back']) expect(ofKind(send, kind).length).toBeGreaterThanOrEqual(3);
      await proxy.stop();
      await own.stop();
    },
  );

  test('works once: a second person gets nothing, with an exit code of its own', async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'one'), 1000);
    const { send, receive, code } = await byCode(p, [file]);
    await bothEnd(send, receive);
    const other = await people();
    const second = other.receive(['--json']);
    second.end(`${code}\n`);
    expect((await second.wait()).code, second.stderr).toBe(8);
    expect(ofKind(second, 'error')).toMatchObject([{ error: 'wrong_code' }]);
    expect(readdirSync(other.folder)).toEqual([]);
  });

  test('one wrong entry cancels it: both end with the exit code for that', async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'one'), 1000);
    const send = p.send([file, '--json']);
    const [number, first] = (await send.waitFor(CODE, { stream: 'stderr' }))[1].split('-');
    const receive = p.receive(['--json']);
    receive.end(`${number}-${first}-${first}\n`);
    expect((await receive.wait()).code, receive.stderr).toBe(8);
    expect((await send.wait()).code, send.stderr).toBe(8);
    for (const one of [send, receive]) expect(ofKind(one, 'error')).toMatchObject([{ error: 'wrong_code' }]);
  });

  test('from PAIRLINK_CODE; the same code again resumes with the same person', async () => {
    const p = await people();
    const dir = tempDir();
    const send = p.send([makeFile(join(dir, 'one'), 3 * MiB)]);
    const PAIRLINK_CODE = (await send.waitFor(CODE, { stream: 'stderr' }))[1];
    const receive = p.receive([], { env: { PAIRLINK_CODE } });
    await bothEnd(send, receive);
    const again = p.send(['--to', p.ids.receiver, makeFile(join(dir, 'two'), 1000)]);
    const more = p.receive([], { env: { PAIRLINK_CODE } });
    await bothEnd(again, more);
    expect(readdirSync(p.folder).sort()).toEqual(['one', 'two']);
  });

  test('is never taken from the command line', async () => {
    const p = await people();
    const receive = p.receive(['1234-some-words']);
    expect((await receive.wait()).code).toBe(2);
    expect(receive.stderr).toMatch(/PAIRLINK_CODE/);
  });
});

describe('between contacts', () => {
  const pair = (p, args, more = ['--yes'], where) => ({
    receive: p.receive(['--from', p.ids.sender, '--json', ...more], where),
    send: p.send(['--to', p.ids.receiver, '--json', ...args]),
  });

  test('a folder with everything in it and its times, except links that lead out of it', LONG, async () => {
    const p = await people();
    const folder = join(tempDir(), 'photos');
    mkdirSync(join(folder, 'a', 'deep', 'empty'), { recursive: true });
    for (let i = 0; i < 200; i++) writeFileSync(join(folder, 'a', `file ${i}`), randomBytes(i * 37));
    writeFileSync(join(folder, 'nothing'), '');
    writeFileSync(join(folder, 'a', 'deep', '.hidden'), 'seen all the same');
    makeFile(join(folder, 'large'), 5 * MiB);
    const ahead = Math.round(Date.now() / 1000) + 10 * 86_400;
    for (const [name, at] of [
      ['large', '@1234567890.123456789'],
      ['nothing', '@0.000000001'],
      ['a/file 1', `@${ahead}`],
    ])
      await run('touch', ['-d', at, join(folder, name)]);
    symlinkSync('large', join(folder, 'inside'));
    symlinkSync('/etc/passwd', join(folder, 'outside'));
    await run('mkfifo', [join(folder, 'fifo')]);
    const { send, receive } = pair(p, [folder], ['--yes', '--hidden']);
    await bothEnd(send, receive);
    expect(send.stderr).toMatch(/Skipped: .*outside/);
    expect(send.stderr).toMatch(/Skipped: .*fifo/);
    await run('rm', [join(folder, 'outside'), join(folder, 'fifo')]);
    // A link to a file of the folder is sent as that file.
    const { stdout } = await run('diff', ['-r', folder, join(p.folder, 'photos')]);
    expect(stdout).toBe('');
    expect(existsSync(join(p.folder, 'photos', 'a', 'deep', 'empty'))).toBe(true);
    const time = (top, name) => statSync(join(top, name), { bigint: true }).mtimeNs;
    for (const name of ['large', 'inside', 'nothing', 'a/file 0', 'a/deep/.hidden'])
      expect([name, time(join(p.folder, 'photos'), name)]).toEqual([name, time(folder, name)]);
    // A time that is far ahead is not taken.
    expect(Number(time(join(p.folder, 'photos'), 'a/file 1') / 1_000_000_000n)).toBeLessThan(ahead);
    expect(ofKind(receive, 'offer')).toMatchObject([{ name: 'photos/', files: 205 }]);
    expect(ofKind(receive, 'done').length).toBe(205);
  });

  test('several at once, without replacing existing files', async () => {
    const p = await people();
    const dir = tempDir();
    const files = ['a.txt', 'b', '.c'].map((name) => makeFile(join(dir, name), 100_000));
    for (let round = 0; round < 2; round++) {
      writeFileSync(files[0], randomBytes(1000 + round)); // another file with the same name
      const { send, receive } = pair(p, round ? [files[0]] : files);
      await bothEnd(send, receive);
    }
    expect(readdirSync(p.folder).sort()).toEqual(['_c', 'a (2).txt', 'a.txt', 'b']);
    expect(readFileSync(join(p.folder, 'a.txt')).length).toBe(1000);
    expect(readFileSync(join(p.folder, 'a (2).txt')).length).toBe(1001);
  });

  test('a folder that exists gets a second one next to it', async () => {
    const p = await people();
    mkdirSync(join(p.folder, 'docs'));
    writeFileSync(join(p.folder, 'docs', 'mine'), 'mine');
    const folder = join(tempDir(), 'docs');
    mkdirSync(folder);
    writeFileSync(join(folder, 'yours'), 'yours');
    const { send, receive } = pair(p, [folder]);
    await bothEnd(send, receive);
    expect(readdirSync(join(p.folder, 'docs'))).toEqual(['mine']);
    expect(readdirSync(join(p.folder, 'docs (2)'))).toEqual(['yours']);
  });

  test('data from a pipe', async () => {
    const p = await people();
    const bytes = randomBytes(3 * MiB + 17);
    const { send, receive } = pair(p, ['-', '--as', 'backup.tar']);
    send.end(bytes);
    await bothEnd(send, receive);
    expect(readFileSync(join(p.folder, 'backup.tar')).equals(bytes)).toBe(true);
    expect(ofKind(receive, 'done')).toMatchObject([
      { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length },
    ]);
  });

  test('the same file again is not sent, unless it was changed', async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'one'), MiB);
    for (let round = 0; round < 2; round++) {
      const { send, receive } = pair(p, [file]);
      await bothEnd(send, receive);
      expect(ofKind(send, 'done')).toMatchObject([{ sha256: await sha256(file) }]);
      if (round) expect(receive.stderr).toMatch(/Already here/);
    }
    writeFileSync(join(p.folder, 'one'), 'changed by its owner');
    const { send, receive } = pair(p, [file]);
    await bothEnd(send, receive);
    expect(readdirSync(p.folder).sort()).toEqual(['one', 'one (2)']);
  });

  test('without a terminal and without --yes: declined, and both know why', async () => {
    const p = await people();
    const { send, receive } = pair(p, [makeFile(join(tempDir(), 'one'), 1000)], []);
    await bothEnd(send, receive, 4);
    expect(ofKind(send, 'error')).toMatchObject([{ error: 'declined', name: 'one' }, { error: 'refused' }]);
    expect(receive.stderr).toMatch(/--yes/);
    expect(readdirSync(p.folder)).toEqual([]);
  });

  test('nothing is asked at a terminal with --json: declined without --yes, and both know why', async () => {
    const p = await people();
    const words = ['--relay', relay.ws, '--identity', p.receiver, 'receive', '--json'];
    const receive = startInTerminal(binary('pairlink'), [...words, '--into', p.folder, '--from', p.ids.sender], {
      env: { HOME: join(p.receiver, '..'), XDG_STATE_HOME: '', XDG_CONFIG_HOME: '', NO_COLOR: '1' },
    });
    open.push(receive);
    const send = p.send(['--to', p.ids.receiver, makeFile(join(tempDir(), 'one'), 1000)]);
    expect((await send.wait()).code, send.stderr).toBe(4);
    expect((await receive.wait()).code, receive.stdout).toBe(4);
    expect(receive.stdout).toContain('Declined, because nothing is asked with --json.');
    expect(receive.stdout).toContain('pairlink receive --yes');
    expect(receive.stdout).not.toContain('[Y/n]');
    expect(readdirSync(p.folder)).toEqual([]);
  });

  test('a person at a terminal is asked, with name and size', async () => {
    const p = await people();
    for (const [answer, code] of [
      ['y', 0],
      ['n', 4],
    ]) {
      const file = makeFile(join(tempDir(), `holiday ${answer}`), 123_456);
      const words = [
        '--relay',
        relay.ws,
        '--identity',
        p.receiver,
        'receive',
        '--into',
        p.folder,
        '--from',
        p.ids.sender,
      ];
      const receive = startInTerminal(binary('pairlink'), words, {
        env: { HOME: join(p.receiver, '..'), XDG_STATE_HOME: '', XDG_CONFIG_HOME: '', NO_COLOR: '1' },
      });
      open.push(receive);
      const send = p.send(['--to', p.ids.receiver, file]);
      await receive.waitFor(`holiday ${answer} (123 KB). Accept? [Y/n]`);
      await receive.write(`${answer}\n`);
      expect((await send.wait()).code, send.stderr).toBe(code);
      expect((await receive.wait()).code, receive.stdout).toBe(code);
    }
    expect(readdirSync(p.folder)).toEqual(['holiday y']);
  });
});

describe('interrupted', () => {
  /** Starts a pair in the middle of a file, slow enough to be stopped there. */
  async function halfway(size = 64 * MiB, identity = newIdentity) {
    const p = await people(relay.ws, identity);
    const proxy = await startProxy(relay.port, { record: false });
    const file = makeFile(join(tempDir(), 'big'), size);
    const sendArgs = ['--to', p.ids.receiver, '--json', file];
    const receiveArgs = ['--from', p.ids.sender, '--json', '--yes'];
    let sent = 0;
    const half = new Promise((done) => proxy.on('sent', (chunk) => (sent += chunk.length) > size / 2 && done()));
    const receive = p.receive(receiveArgs);
    const send = p.send(sendArgs, { relay: proxy.ws });
    await half;
    return { p, proxy, file, send, receive, sendArgs, receiveArgs, sent: () => sent };
  }

  test('the sender is killed and run again: resumes where it stopped', LONG, async () => {
    const at = await halfway();
    await at.send.kill9();
    const send = at.p.send(at.sendArgs, { relay: at.proxy.ws });
    await bothEnd(send, at.receive);
    expect(await sha256(join(at.p.folder, 'big'))).toBe(await sha256(at.file));
    expect(at.sent()).toBeLessThan(64 * MiB * 1.02);
    expect(ofKind(send, 'done')).toMatchObject([{ sha256: await sha256(at.file) }]);
    await at.proxy.stop();
  });

  test('Ctrl-C at either side says how to resume, and that works', LONG, async () => {
    const at = await halfway(64 * MiB, () => join(tempDir("pairlink it's-"), 'identity'));
    at.receive.signal('SIGINT');
    expect((await at.receive.wait()).code).toBe(130);
    expect(at.receive.stderr).toMatch(/Stopped at .*\nTo resume where it stopped: pairlink .*receive --into/);
    at.send.signal('SIGINT');
    expect((await at.send.wait()).code).toBe(130);
    expect(at.send.stderr).toMatch(/Stopped at .*\nTo resume where it stopped: pairlink .*send --to/);
    expect(readdirSync(at.p.folder)).toMatchObject([expect.stringMatching(/^\.big\.[0-9a-f]{8}\.part$/)]);
    // Needs no code and no name: the folder tells which transfer it is. --new asks for a code.
    const fresh = at.p.receive(['--new'], { env: { PAIRLINK_CODE: '' } });
    fresh.end();
    expect((await fresh.wait()).code).toBe(2);
    const [, shown] = at.receive.stderr.match(/To resume where it stopped: (pairlink .*)/);
    const receive = start('sh', ['-c', `exec ${shown} --json`], {
      env: {
        PATH: `${dirname(binary('pairlink'))}:${process.env.PATH}`,
        HOME: dirname(at.p.receiver),
        XDG_STATE_HOME: '',
        XDG_CONFIG_HOME: '',
      },
    });
    open.push(receive);
    receive.end();
    const send = at.p.send(at.sendArgs, { relay: at.proxy.ws });
    await bothEnd(send, receive);
    expect(readdirSync(at.p.folder)).toEqual(['big']);
    expect(await sha256(join(at.p.folder, 'big'))).toBe(await sha256(at.file));
    expect(at.sent()).toBeLessThan(64 * MiB * 1.02);
    await at.proxy.stop();
  });

  test('files sent by a code resume with the same person, unless --new makes a new code', LONG, async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'big'), 8 * MiB);
    const first = p.send([file, '--json']);
    const code = (await first.waitFor(CODE, { stream: 'stderr' }))[1];
    const receive = p.receive(['--json']);
    receive.end(`${code}\n`);
    await receive.waitFor('"event":"offer"', { stream: 'stdout' });
    await first.kill9();
    const again = p.send([file, '--json']);
    await bothEnd(again, receive);
    expect(again.stderr).toMatch(/Resuming with/);
    expect(again.stderr).not.toMatch(CODE);
    const other = p.send([file, '--json']); // delivered: there is nothing to resume
    await other.waitFor(CODE, { stream: 'stderr' });
    await other.kill9();
  });

  test('a file that was changed since is not mixed with the old one', LONG, async () => {
    const at = await halfway();
    await at.send.kill9();
    writeFileSync(at.file, 'now it is short');
    const send = at.p.send(at.sendArgs, { relay: at.proxy.ws });
    expect((await send.wait(60_000)).code, send.stderr).toBe(0);
    expect(readFileSync(join(at.p.folder, 'big'), 'utf8')).toBe('now it is short');
    await at.receive.kill9();
    await at.proxy.stop();
  });

  test('a full disk is reported at both ends, and the transfer resumes once there is room', LONG, async () => {
    const p = await people();
    const file = makeFile(join(tempDir(), 'big'), 5 * MiB);
    const receive = p.receive(['--from', p.ids.sender, '--json', '--yes']);
    await run('prlimit', ['--pid', String(receive.pid), `--fsize=${2 * MiB}:unlimited`]);
    const send = p.send(['--to', p.ids.receiver, '--json', file]);
    await receive.waitFor('"error":"disk_full"', { stream: 'stdout' });
    await send.waitFor(/disk of .* is full/, { stream: 'stderr' });
    await run('prlimit', ['--pid', String(receive.pid), '--fsize=unlimited:unlimited']);
    await bothEnd(send, receive);
    expect(receive.stderr).toMatch(/room again/);
    expect(await sha256(join(p.folder, 'big'))).toBe(await sha256(file));
  });

  test('interrupted with a full disk: an exit code of its own', LONG, async () => {
    const p = await people();
    const receive = p.receive(['--from', p.ids.sender, '--json', '--yes']);
    await run('prlimit', ['--pid', String(receive.pid), `--fsize=${MiB}:unlimited`]);
    p.send(['--to', p.ids.receiver, makeFile(join(tempDir(), 'big'), 3 * MiB)]);
    await receive.waitFor('"error":"disk_full"', { stream: 'stdout' });
    receive.signal('SIGINT');
    expect((await receive.wait()).code, receive.stderr).toBe(9);
  });
});

describe('a hostile sender', () => {
  const clients = clientsOf(() => relay);
  afterAll(() => clients.stopAll());
  const bytes = (text) => new TextEncoder().encode(text);
  const NONE = new Uint8Array(16);
  const hostile = filePeerOf({ clients, relay: () => relay, open });

  test('names stay below the folder', LONG, async () => {
    const h = await hostile();
    const names = {
      '../../up': 'up',
      '/etc/passwd': 'etc/passwd',
      '..\\..\\x\\y': 'x/y',
      'a\u001b[31mb\u202egpj': 'a_[31mb_gpj',
      '.bashrc': '_bashrc',
      'con.txt': '_con.txt',
      '..': 'file',
      'dot/../../dot': 'dot/dot',
    };
    let n = 0;
    for (const [name, safe] of Object.entries(names)) {
      n += 1;
      const want = h.wanted(n);
      await h.offer(n, bytes(name), 5);
      await want;
      await h.data(n, 0, bytes('hello'));
      await h.end(n, bytes('hello'));
      await h.receive.waitFor(`"id":"${String(n).padStart(2, '0').repeat(16)}","name":${JSON.stringify(safe)},"path"`, {
        stream: 'stdout',
      });
      expect(readFileSync(join(h.folder, safe), 'utf8')).toBe('hello');
    }
    expect(readdirSync(join(h.folder, '..'))).toEqual([h.folder.split('/').at(-1)]);
    h.session.close();
    expect((await h.receive.wait()).code, h.receive.stderr).toBe(0);
    expect(h.receive.stderr).not.toContain('\u001b');
    expect(h.receive.stderr).not.toContain('\u202e');
  });

  test('a link in the folder leads nowhere', LONG, async () => {
    const h = await hostile();
    const outside = tempDir();
    symlinkSync(outside, join(h.folder, 'sub'));
    const stopped = h.stopped(1);
    await h.offer(1, bytes('sub/file'), 5);
    await stopped;
    expect(readdirSync(outside)).toEqual([]);
  });

  test('an empty folder comes into a folder that was removed meanwhile', LONG, async () => {
    const h = await hostile();
    const more = { group: NONE.map(() => 9), group_files: 2, group_bytes: 3 };
    const want = h.wanted(1);
    await h.offer(1, bytes('D/a'), 3, more);
    await want;
    await h.data(1, 0, bytes('hel'));
    await h.end(1, bytes('hel'));
    await h.receive.waitFor('"done"', { stream: 'stdout' });
    rmSync(join(h.folder, 'D'), { recursive: true });
    await h.offer(2, bytes('D/empty'), 0, { ...more, flags: 2 });
    await until(() => existsSync(join(h.folder, 'D', 'empty')), 'the empty folder');
  });

  test('more bytes than announced, a wrong hash and a false end: nothing is kept', LONG, async () => {
    const h = await hostile();
    const tries = [
      [10, async (n) => h.data(n, 0, new Uint8Array(11))],
      [10, async (n) => h.data(n, 2 ** 40, new Uint8Array(1))],
      [5, async (n) => (await h.data(n, 0, bytes('hello')), h.end(n, bytes('hello'), randomBytes(32)))],
      [5, async (n) => (await h.data(n, 0, bytes('hel')), h.end(n, bytes('hel')))],
    ];
    for (const [i, [size, act]] of tries.entries()) {
      const want = h.wanted(i + 1);
      await h.offer(i + 1, bytes(`file ${i}`), size);
      await want;
      const stop = h.stopped(i + 1);
      await act(i + 1);
      expect((await stop).data[17]).toBe(6);
    }
    h.session.close();
    expect((await h.receive.wait()).code).toBe(7);
    expect(readdirSync(h.folder)).toEqual([]);
  });

  test('an impossible size allocates nothing, and at most 1,024 offers wait', LONG, async () => {
    const h = await hostile();
    const stop = h.stopped(1);
    const huge = encode('file_offer', {
      type: 2,
      id: NONE.map(() => 1),
      flags: 0,
      size: 0,
      group: NONE,
      group_files: 0,
      group_bytes: 0,
      name: bytes('huge'),
      media_type: bytes(''),
    });
    huge.fill(0xff, 18, 26); // its size
    await h.session.send(huge);
    expect((await stop).data[17]).toBe(7);
    const want = h.wanted(2);
    await h.offer(2, bytes('large'), 2 ** 50);
    await want;
    const { stdout } = await run('du', ['-s', '--block-size=1', h.folder]);
    expect(Number.parseInt(stdout, 10)).toBeLessThan(MiB);
    await h.receive.kill9();
  });

  test('a text is shown as one line, without anything that could move the cursor', async () => {
    const h = await hostile();
    await h.say('chat_text', { type: 1, id: NONE, text: bytes('hi\u001b[2Jthere') });
    await h.receive.waitFor('hi\\x1b[2Jthere', { stream: 'stderr' });
    await h.receive.kill9();
  });
});
