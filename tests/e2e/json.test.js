/** Events for scripts: every counted entry has an end, and the last line says truthfully how the command ended. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { run, tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 60_000 };
const open = [];
let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

const events = (program) =>
  program.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const ofKind = (program, kind) => events(program).filter(({ event }) => event === kind);
/** Returns which entries of the offer ended, and how. */
const ends = (program) => events(program).filter(({ event, id }) => id && (event === 'done' || event === 'error'));

async function people() {
  const [ana, bo] = [newIdentity(), newIdentity()];
  const ids = { ana: await idOf(ana), bo: await idOf(bo) };
  const folder = tempDir('pairlink-into-');
  const start = (identity, ...args) => {
    const program = startCli({ relay, identity }, ...args);
    open.push(program);
    return program;
  };
  return {
    ids,
    folder,
    ana: (...args) => start(ana, ...args),
    bo: (...args) => start(bo, ...args),
    send: (...paths) => start(ana, 'send', '--json', '--to', ids.bo, ...paths),
    receive: (...more) => start(bo, 'receive', '--json', '--from', ids.ana, '--into', folder, ...more),
  };
}

function makeFolder(files) {
  const folder = join(tempDir(), 'photos');
  mkdirSync(folder);
  for (let i = 0; i < files; i++) writeFileSync(join(folder, `file ${i}`), `${i}`);
  return folder;
}

describe('files', () => {
  test('empty folders are counted and end like files', LONG, async () => {
    const p = await people();
    const folder = makeFolder(2);
    mkdirSync(join(folder, 'empty'));
    const [receive, send] = [p.receive('--yes'), p.send(folder)];
    expect((await send.wait()).code, send.stderr).toBe(0);
    expect((await receive.wait()).code, receive.stderr).toBe(0);
    for (const [program, at] of [
      [send, folder],
      [receive, join(p.folder, 'photos')],
    ]) {
      expect(ofKind(program, 'offer')).toMatchObject([{ files: 3, size: 2 }]);
      expect(ends(program)).toHaveLength(3);
      expect(ends(program)).toContainEqual({
        event: 'done',
        id: expect.any(String),
        name: 'photos/empty',
        path: join(at, 'empty'),
        size: 0,
        sha256: null,
      });
    }
  });

  test('the size of a pipe is null until it is known', LONG, async () => {
    const p = await people();
    const [receive, send] = [p.receive('--yes'), p.send('-')];
    send.end('hello');
    expect((await send.wait()).code, send.stderr).toBe(0);
    expect((await receive.wait()).code, receive.stderr).toBe(0);
    for (const program of [send, receive]) {
      for (const { size } of [...ofKind(program, 'offer'), ...ofKind(program, 'progress')]) expect(size).toBe(null);
      expect(ofKind(program, 'done')).toMatchObject([{ size: 5 }]);
    }
  });

  test('the user is asked about a declined folder once, however many files it has', LONG, async () => {
    const p = await people();
    const [receive, send] = [p.receive(), p.send(makeFolder(1500))]; // more than are offered at the same time
    expect((await send.wait()).code, send.stderr).toBe(4);
    expect((await receive.wait()).code, receive.stderr).toBe(4);
    const [offer, ...more] = ofKind(receive, 'offer');
    expect(more).toEqual([]);
    expect(events(receive).slice(1)).toMatchObject([
      { event: 'error', id: offer.id, name: 'photos/', error: 'declined' },
      { event: 'error', error: 'refused', text: 'the offer was declined' },
    ]);
    expect(receive.stderr.match(/wants to send/g)).toHaveLength(1);
    expect(ends(send)).toHaveLength(1500);
    expect(events(send).at(-1)).toMatchObject({
      error: 'refused',
      text: '0 of 1500 were delivered: declined by the other side',
    });
    expect(send.stderr.match(/was not sent/g)).toHaveLength(1);
  });

  test('when some of several files fail, the last line is about all of them', LONG, async () => {
    const p = await people();
    const files = ['a', 'b', 'c'].map((name) => join(tempDir(), name));
    for (const file of files) writeFileSync(file, file);
    const send = p.send(...files);
    await send.waitFor('"event":"offer"', { stream: 'stdout' });
    appendFileSync(files[1], 'changed since it was offered');
    const receive = p.receive('--yes');
    expect((await send.wait()).code, send.stderr).toBe(7);
    expect((await receive.wait()).code, receive.stderr).toBe(7);
    for (const program of [send, receive]) {
      expect(ends(program)).toHaveLength(3);
      expect(ofKind(program, 'error')[0]).toMatchObject({ name: 'b', error: 'changed' });
    }
    expect(events(send).at(-1)).toEqual({
      event: 'error',
      error: 'io',
      text: '2 of 3 were delivered: it changed while it was being sent',
      hint: '',
    });
    expect(events(receive).at(-1)).toEqual({
      event: 'error',
      error: 'io',
      text: '2 saved, 1 failed: it changed while it was being sent',
      hint: '',
    });
  });

  test('a full disk is not an end: the file waits, and nothing says that it was not received', LONG, async () => {
    const p = await people();
    const file = join(tempDir(), 'big');
    writeFileSync(file, Buffer.alloc(3 << 20));
    const receive = p.receive('--yes');
    await run('prlimit', ['--pid', String(receive.pid), `--fsize=${1 << 20}:unlimited`]);
    const send = p.send(file);
    for (const program of [send, receive]) await program.waitFor('"event":"waiting"', { stream: 'stdout' });
    await run('prlimit', ['--pid', String(receive.pid), '--fsize=unlimited:unlimited']);
    expect((await send.wait()).code, send.stderr).toBe(0);
    expect((await receive.wait()).code, receive.stderr).toBe(0);
    for (const program of [send, receive]) {
      expect(ofKind(program, 'waiting')[0]).toMatchObject({ name: 'big', error: 'disk_full' });
      expect(ends(program)).toMatchObject([{ event: 'done' }]);
      expect(ofKind(program, 'error')).toEqual([]);
    }
    expect(receive.stderr).toContain('the disk is full: big waits');
    expect(receive.stderr).not.toContain('was not received');
  });
});

describe('a signal', () => {
  const COMMANDS = {
    'send to someone who is not there': (p) => [p.send(makeFolder(1)), '"event":"offer"'],
    'send by a code': (p) => [p.ana('send', '--json', makeFolder(1)), '"event":"code"'],
    receive: (p) => [p.receive(), /not there yet/],
    pair: (p) => [p.ana('pair', '--json'), '"event":"link"'],
  };
  test.each(Object.keys(COMMANDS))('%s: the last line names it', LONG, async (name) => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ]) {
      const [program, ready] = COMMANDS[name](await people());
      await program.waitFor(ready);
      program.signal(signal);
      expect((await program.wait()).code, program.stderr).toBe(code);
      expect(events(program).at(-1)).toEqual({
        event: 'error',
        error: 'interrupted',
        text: `ended by ${signal}`,
        hint: '',
      });
      expect(program.stderr).not.toContain('closed by the other side');
    }
  });
});

test('every error that ends a command has a text', LONG, async () => {
  const p = await people();
  for (const [args, code, error] of [
    [['send', '--json', '/nowhere'], 7, 'io'],
    [['send', '--json', '--to', 'Nobody', '/etc/hostname'], 2, 'usage'],
    [['pair', '--json', 'Nobody'], 2, 'usage'],
    [['--relay', 'ws://127.0.0.1:1', '--relay-wait', '1', 'pair', '--json'], 3, 'no_relay'],
    [['--relay', 'nonsense', 'receive', '--json', '--into', p.folder, '--from', p.ids.ana], 2, 'usage'],
  ]) {
    const program = p.bo(...args);
    program.end();
    expect((await program.wait()).code, args.join(' ')).toBe(code);
    expect(events(program)).toEqual([
      { event: 'error', error, text: expect.stringMatching(/./), hint: expect.any(String) },
    ]);
  }
});

test('chat: a line that is too long to be sent changes the exit code', LONG, async () => {
  const p = await people();
  for (const [input, code] of [
    ['short\n', 0],
    [`short\n${'x'.repeat(70_000)}\nend\n`, 1],
    [`${'y'.repeat(70_000)}`, 1],
  ]) {
    const [chat, other] = [p.ana('chat', p.ids.bo), p.bo('chat', p.ids.ana)];
    chat.end(input);
    expect((await chat.wait()).code, chat.stderr).toBe(code);
    if (code) expect(chat.stderr).toContain('a line was not sent: it is too long');
    if (input.includes('end')) await other.waitFor('short\nend\n', { stream: 'stdout' });
    await other.stop();
  }
});
