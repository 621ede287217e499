/**
 * Questions at a terminal: a person may take as long as they like, may give up, and may paste whatever they were sent.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../web/client/core/wire.js';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { clientsOf, event, online } from '../support/js_client.js';
import { binary, run, tempDir, until } from '../support/process.js';
import { plain, startInTerminal } from '../support/pty.js';
import { startRelay } from '../support/relay.js';

const CODE = /Code {2}(\d{4,}-[a-z]+-[a-z]+) /;
const LINK = /http:\/\/\S+#\S+/;
const open = [];
let relay;
const clients = clientsOf(() => relay);
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
});
afterAll(async () => {
  await clients.stopAll();
  await relay.stop();
});
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

async function person(name) {
  const identity = newIdentity();
  const env = { XDG_STATE_HOME: tempDir('pairlink-state-') };
  const keep = (program) => open.push(program) && program;
  const me = {
    id: await idOf(identity),
    run: (args, options) => runCli({ relay, identity, env }, args, options),
    start: (args, more = {}) => keep(startCli({ relay, identity, env: { ...env, ...more } }, ...args)),
    inTerminal(args, more = {}) {
      const words = [binary('pairlink'), '--relay', relay.ws, '--identity', identity, ...args]
        .map((word) => `'${word}'`)
        .join(' ');
      return keep(
        startInTerminal('sh', ['-c', `trap : INT; ${words}; echo "ended with $?"`], {
          env: { ...env, HOME: tempDir(), NO_COLOR: '1', PAIRLINK_CODE: '', ...more },
        }),
      );
    },
  };
  await me.run(['name', name]);
  return me;
}

/** Resolves when a program that starts now has given up on a missing relay: the same time has passed for all others. */
async function giveUpTimePasses(seconds) {
  const late = await runCli({ relay: 'ws://127.0.0.1:1' }, [
    '--relay-wait',
    String(seconds),
    'connect',
    await idOf(newIdentity()),
  ]);
  expect(late.code, late.stderr).toBe(3);
}

describe('a person who takes longer than the program would wait for a relay', () => {
  const MAKERS = {
    pair: ['pair'],
    chat: ['chat'],
    connect: ['listen', '--code'],
    receive: ['send', binary('pairlink')],
  };
  const into = () => ['--into', join(tempDir(), 'files')];

  test('can still type the code, whatever command asks for it', { timeout: 60_000 }, async () => {
    const asking = await Promise.all(
      Object.entries(MAKERS).map(async ([command, maker]) => {
        const [ana, bo] = [await person('Ana'), await person('Bo')];
        const program = bo.inTerminal(['--relay-wait', '1', command, ...(command === 'receive' ? into() : ['--code'])]);
        await program.waitFor('a number and two words');
        return { program, maker: ana.start(maker) };
      }),
    );
    const [ana, bo, where] = [await person('Ana'), await person('Bo'), into()];
    const piped = bo.start(['--relay-wait', '1', 'receive', ...where]);
    await until(() => existsSync(where[1]), 'the folder of receive');
    await giveUpTimePasses(1);
    for (const { program, maker } of asking) {
      const [, code] = await maker.waitFor(CODE);
      await program.write(`${code}\r`);
      await program.waitFor('Paired with Ana');
      expect(plain(program.stdout)).not.toContain('cannot be reached');
    }
    const send = ana.start(['send', binary('pairlink')]);
    const [, code] = await send.waitFor(CODE);
    piped.end(`${code}\n`);
    expect((await piped.wait()).code, piped.stderr).toBe(0);
    expect((await send.wait()).code, send.stderr).toBe(0);
  });

  test('can still answer whether to let someone or something in', { timeout: 60_000 }, async () => {
    const [ana, bo] = [await person('Ana'), await person('Bo')];
    const listen = bo.inTerminal(['--relay-wait', '1', 'listen']);
    await listen.waitFor('Waiting.');
    const connect = ana.start(['connect', bo.id]);
    await listen.waitFor('Let it in? [y/N]');
    const receive = ana.inTerminal(['--relay-wait', '1', 'receive', ...into(), '--from', bo.id]);
    const send = bo.start(['send', '--to', ana.id, binary('pairlink')]);
    await receive.waitFor('Accept? [Y/n]');
    await giveUpTimePasses(3); // also longer than the relay keeps a call, and than receive waits for another file
    await listen.write('y\n');
    await connect.waitFor('Connected with');
    await receive.write('y\n');
    await receive.waitFor('ended with 0');
    expect((await send.wait()).code, send.stderr).toBe(0);
  });

  test('is asked about the next one who knocked meanwhile', { timeout: 60_000 }, async () => {
    const [ana, bo, cem] = [await person('Ana'), await person('Bo'), await person('Cem')];
    const listen = bo.inTerminal(['listen', '--keep']);
    await listen.waitFor('Waiting.');
    const first = ana.start(['connect', bo.id]);
    await listen.waitFor('calls itself “Ana”');
    const second = cem.start(['connect', bo.id]);
    await second.waitFor('has not let you in. Waiting.');
    await listen.write('n\n');
    await listen.waitFor('Not let in.');
    await listen.waitFor('calls itself “Cem”');
    await listen.write('y\n');
    await second.waitFor('Connected with');
    expect(first.stderr).not.toContain('Connected with');
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['at the code', ['receive', '--into', tempDir()], 'Code: '],
    ['at the code of chat', ['chat', '--code'], 'Code: '],
  ])('%s of a terminal that cannot be drawn on', async (name, args, question) => {
    const program = (await person('Bo')).inTerminal(args, { TERM: 'dumb' });
    await program.waitFor(question);
    await program.write('\u0003');
    await program.waitFor('ended with 130');
  });

  test('and Ctrl-Z leave the terminal as it was, and the question works again afterwards', async () => {
    const [on, off] = ['\u001b[?2004h', '\u001b[?2004l'];
    const times = (mark) => program.stdout.split(mark).length - 1;
    const program = (await person('Bo')).inTerminal(['chat', '--code']);
    const pid = await until(
      async () => (await run('pgrep', ['-f', `^${binary('pairlink')} .*${relay.ws}.* chat --code`])).stdout.trim(),
      'it runs',
    );
    await until(() => times(on) === 1, 'it asks');
    process.kill(Number(pid), 'SIGTSTP');
    await until(() => times(off) === 1, 'it gives the terminal back');
    process.kill(Number(pid), 'SIGCONT');
    await until(() => times(on) > 1, 'it takes the terminal again');
    await program.write('\u0003');
    await program.waitFor('ended with 130');
    expect(program.stdout.lastIndexOf(off)).toBeGreaterThan(program.stdout.lastIndexOf(on));
  });

  test('at the question for a name keeps the name that they gave themselves', async () => {
    const [ana, bo] = [await person('Ana'), await person('Bo')];
    const program = bo.inTerminal(['pair']);
    const [, code] = await program.waitFor(CODE);
    expect((await ana.run(['pair', '--code'], { input: code })).code).toBe(0);
    await program.waitFor('Your name for them [Ana]: ');
    await program.write('\u0003');
    await program.waitFor('ended with 130');
    expect((await bo.run(['contacts', '--names'])).stdout).toBe('Ana\n');
  });
});

describe('what `pair` prints is understood wherever a code is asked for', () => {
  const CASES = {
    'the line with the code': (line) => line,
    'the code in a sentence': (line) => `talk to me: ${line.match(CODE)[1]}, ok?`,
    'as a command': (line) => `pairlink pair ${line.match(CODE)[1]}`,
    'the link in a sentence': (line, link) => `talk to me: ${link} ok?`,
  };
  test.each(Object.keys(CASES))('%s: at the question, through a pipe, in PAIRLINK_CODE', async (name) => {
    for (const way of ['typed', 'pasted', 'piped', 'environment']) {
      const [ana, bo] = [await person('Ana'), await person('Bo')];
      const pair = ana.start(['pair']);
      const [line] = await pair.waitFor(/Code .*/);
      const text = CASES[name](line, (await pair.waitFor(LINK))[0]);
      const args = ['pair', '--code', '--yes'];
      const other =
        way === 'piped' || way === 'environment'
          ? bo.start(args, way === 'environment' ? { PAIRLINK_CODE: text } : {})
          : bo.inTerminal(args);
      if (way === 'piped') await other.write(`${text}\n`);
      if (other.pid && (way === 'typed' || way === 'pasted')) {
        await other.waitFor('a number and two words');
        await other.write(way === 'typed' ? `${text}\r` : `\u001b[200~${text}\n\u001b[201~\r`);
      }
      await other.waitFor('Paired with Ana.');
      expect((await pair.wait()).code, pair.stderr).toBe(0);
    }
  });

  test('all of it in one paste: the rest of the paste answers no other question', async () => {
    const [ana, bo] = [await person('Ana'), await person('Bo')];
    const pair = ana.start(['pair']);
    await Promise.all([pair.waitFor(CODE), pair.waitFor(LINK)]);
    const other = bo.inTerminal(['pair', '--code']);
    await other.waitFor('a number and two words');
    await other.write(`\u001b[200~${pair.stderr.replaceAll('\n', '\r')}\u001b[201~`);
    await other.waitFor(LINK);
    await other.write('\r');
    await other.waitFor('Your name for them [Ana]: ');
    await other.write('Annie\n');
    await other.waitFor('ended with 0');
    expect((await bo.run(['contacts', '--names'])).stdout).toBe('Annie\n');
  });

  test('a link for chat, connect and receive', async () => {
    const page = await online(await clients.make({ application: 'chat/1', name: 'Page', listen: true }));
    const session = () => event(page, 'session');
    const say = () => `see ${page.createInvite().link}, ok?`;
    const folder = tempDir();

    let met = session();
    const bo = await person('Bo');
    const chat = bo.start(['chat', '--code']);
    await chat.write(`${say()}\nhello\n`);
    const { data } = await event(await met, 'message');
    expect(Buffer.from(data).subarray(17).toString()).toBe('hello');
    await chat.stop();

    const connect = (await person('Cy')).start(['connect', '--code'], { PAIRLINK_CODE: say() });
    await connect.waitFor('Connected with Page');
    await connect.kill9();

    met = session();
    const dy = await person('Dy');
    const receive = dy.start(['receive', '--into', folder]);
    receive.end(`${say()}\n`);
    const files = await met;
    const bytes = new Uint8Array(randomBytes(1000));
    const id = new Uint8Array(16).fill(1);
    const none = new Uint8Array(16);
    const wanted = event(files, 'message', ({ data: d }) => d[0] === 3);
    const text = (words) => new TextEncoder().encode(words);
    await files.send(
      encode('file_offer', {
        type: 2,
        id,
        flags: 0,
        size: 1000,
        group: none,
        group_files: 0,
        group_bytes: 0,
        name: text('one'),
        media_type: text(''),
      }),
    );
    await wanted;
    await files.send(encode('file_data', { type: 7, id, offset: 0, bytes }), { channel: 1 });
    await files.send(
      encode('file_end', {
        type: 8,
        id,
        size: 1000,
        sha256: new Uint8Array(createHash('sha256').update(bytes).digest()),
      }),
      { channel: 1 },
    );
    await receive.waitFor('Saved: ');
    expect(readFileSync(join(folder, 'one'))).toEqual(Buffer.from(bytes));
    expect((await dy.run(['contacts', '--names'])).stdout).toBe('Page\n');
  });

  test('a link that is not whole is reported as such', async () => {
    const bo = await person('Bo');
    for (const text of ['see http://127.0.0.1:8787/#abc', `http://127.0.0.1:8787/#${'A'.repeat(114)}`]) {
      const { code, stderr } = await bo.run(['pair', '--code'], { input: `${text}\n` });
      expect(code).toBe(2);
      expect(stderr).toContain('copy the link whole');
    }
  });
});
