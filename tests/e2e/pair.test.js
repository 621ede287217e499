/**
 * Pairing by code, link and ID on the real command line: afterwards both sides are contacts, or are told why not.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createClient, newSeed } from '../../web/client/index.js';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { binary, tempDir, within } from '../support/process.js';
import { plain, readQr, startInTerminal } from '../support/pty.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 120_000 };
const CODE = /Code {2}(\d{4,}-[a-z]+-[a-z]+) /;
const open = [];
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

/** A person with a name, an identity and contacts of its own. */
async function person(relay, name) {
  const identity = newIdentity();
  const where = { relay: relay.ws, identity, env: { XDG_STATE_HOME: tempDir('pairlink-state-') } };
  const me = {
    identity,
    where,
    id: await idOf(identity),
    run: (args, options) => runCli(where, args, options),
    start: (...args) => {
      const program = startCli(where, ...args);
      open.push(program);
      return program;
    },
    contacts: async () =>
      (await me.run(['contacts', '--json'])).stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
  if (name) await me.run(['name', name]);
  return me;
}

/** Starts a side that shows a code; `input` types it on the other side. */
async function offered(me, ...args) {
  const program = me.start(...args);
  const [, code] = await program.waitFor(CODE);
  return { program, code };
}

/** Returns the same code with another last word. */
const wrong = (code) => code.replace(/[a-z]+$/, (word) => (word === 'acid' ? 'copper' : 'acid'));

test('pair by code, in both directions: each is a contact under the name that they give themselves', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  for (const [maker, claimer, names] of [
    [ana, bo, ['Ana', 'Bo']],
    [bo, ana, ['Bo', 'Ana']],
  ]) {
    const { program, code } = await offered(maker, 'pair');
    expect(program.stderr).toContain(`valid 10 minutes; on the other side: pairlink pair --code --relay ${relay.ws}\n`);
    const other = await claimer.run(['pair', '--code'], { input: `  ${code.toUpperCase().replaceAll('-', ' - ')} \n` });
    expect(other.code, other.stderr).toBe(0);
    expect(other.stderr).toContain(`Paired with ${names[0]}.`);
    expect((await program.wait()).code, program.stderr).toBe(0);
    expect(program.stderr).toContain(`Paired with ${names[1]}.`);
  }
  expect(await ana.contacts()).toMatchObject([{ name: 'Bo', own_name: 'Bo', id: bo.id, paired: 'code' }]);
  expect(await bo.contacts()).toMatchObject([{ name: 'Ana', own_name: 'Ana', id: ana.id, paired: 'code' }]);
  await relay.stop();
});

test('the code can come from PAIRLINK_CODE; --as sets the name; --json prints events', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay)];
  const program = ana.start('--name', 'Annie', 'pair', '--json', '--as', 'My friend');
  const [, code] = await program.waitFor(/"code":"([^"]+)"/, { stream: 'stdout' });
  const other = await runCli({ ...bo.where, env: { ...bo.where.env, PAIRLINK_CODE: code } }, [
    'pair',
    '--code',
    '--json',
  ]);
  expect(other.code, other.stderr).toBe(0);
  expect(JSON.parse(other.stdout)).toEqual({ event: 'paired', name: 'Annie', id: ana.id }); // --name wins
  expect((await program.wait()).code).toBe(0);
  const lines = program.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ event }) => event)).toEqual(['code', 'link', 'paired']);
  expect(lines[0].valid_ms).toBeGreaterThan(500_000);
  expect(lines[2]).toMatchObject({ id: bo.id });
  expect(await ana.contacts()).toMatchObject([{ name: 'My friend', own_name: '', id: bo.id }]);
  await relay.stop();
});

test('one wrong entry cancels a code, both are told, and nobody becomes a contact', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  const { program, code } = await offered(ana, 'pair');
  const guess = await bo.run(['pair', '--code'], { input: `${wrong(code)}\n` });
  expect(guess.code).toBe(8);
  expect(guess.stderr).toContain('used up');
  expect((await program.wait()).code).toBe(8);
  expect(program.stderr).toContain('wrong code');
  const late = await bo.run(['pair', '--code', '--json'], { input: `${code}\n` });
  expect(late.code).toBe(8);
  expect(late.stderr).toContain('no such code');
  expect(JSON.parse(late.stdout)).toMatchObject({
    event: 'error',
    error: 'wrong_code',
    text: expect.stringContaining('no such code'),
  });
  expect(await ana.contacts()).toEqual([]);
  expect(await bo.contacts()).toEqual([]);
  await relay.stop();
});

test('text that is not a code is rejected immediately, and cancels nothing', LONG, async () => {
  const relay = await startRelay();
  const bo = await person(relay, 'Bo');
  for (const text of ['', 'acid', '5555-acid', '5555-acid-xyzzy', 'x'.repeat(100)]) {
    const { code, stderr } = await bo.run(['pair', '--code'], { input: `${text}\n` });
    expect(code, text).toBe(2);
    expect(stderr).toContain('code');
    if (text) expect(stderr).not.toContain(text);
  }
  await relay.stop();
});

test('pair LINK; a pair that shows both a link and a code', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo, cy] = [await person(relay, 'Ana'), await person(relay, 'Bo'), await person(relay, 'Cy')];
  const { program, code } = await offered(ana, 'pair');
  const [link] = await program.waitFor(/http:\/\/\S+#\S+/);
  expect(program.stderr).not.toContain('▀'); // a QR code is for a terminal
  const other = await runCli({ ...bo.where, relay: undefined }, ['pair', link]);
  expect(other.code, other.stderr).toBe(0);
  expect((await program.wait()).code, program.stderr).toBe(0);
  expect(await ana.contacts()).toMatchObject([{ name: 'Bo', id: bo.id, paired: 'link' }]);
  expect(await bo.contacts()).toMatchObject([{ name: 'Ana', id: ana.id, paired: 'link' }]);
  expect((await cy.run(['pair', '--code'], { input: `${code}\n` })).code).toBe(8); // the link used up the code, too
  await relay.stop();
});

test('by ID, each side naming the other', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  const first = ana.start('pair', bo.id);
  const second = await bo.run(['pair', ana.id]);
  expect(second.code, second.stderr).toBe(0);
  expect((await first.wait()).code, first.stderr).toBe(0);
  expect(await ana.contacts()).toMatchObject([{ name: 'Bo', id: bo.id, paired: 'id' }]);
  expect(await bo.contacts()).toMatchObject([{ name: 'Ana', id: ana.id, paired: 'id' }]);
  await relay.stop();
});

test('with oneself: both are told what to do, and nothing is saved', LONG, async () => {
  const relay = await startRelay();
  const ana = await person(relay, 'Ana');
  const { program, code } = await offered(ana, 'pair');
  const other = await ana.run(['pair', '--code'], { input: code });
  for (const { code: exit, stderr } of [other, { code: (await program.wait()).code, stderr: program.stderr }]) {
    expect(exit).toBe(2);
    expect(stderr).toContain('--identity FILE');
  }
  expect(await ana.contacts()).toEqual([]);
  await relay.stop();
});

test('listen --invite and connect LINK make contacts, too', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  const listen = ana.start('listen', '--invite');
  const [link] = await listen.waitFor(/http:\/\/\S+#\S+/);
  listen.end();
  const other = await bo.run(['connect', link], { input: 'data' });
  expect(other.code, other.stderr).toBe(0);
  expect((await listen.wait()).code).toBe(0);
  expect(listen.stdout).toBe('data');
  expect(await ana.contacts()).toMatchObject([{ name: 'Bo', paired: 'link' }]);
  expect(await bo.contacts()).toMatchObject([{ name: 'Ana', paired: 'link' }]);
  await relay.stop();
});

test('a person who comes too late to a used or expired link is told so: exit 4', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo, eve] = [await person(relay, 'Ana'), await person(relay, 'Bo'), await person(relay, 'Eve')];
  const late = async (link, ...command) => {
    const { code, stderr } = await eve.run([...command, link], { input: 'too late\n' });
    expect(code, stderr).toBe(4);
    expect(stderr).toContain('the invite link is used or expired');
  };
  const listen = ana.start('listen', '--invite');
  const [link] = await listen.waitFor(/http:\/\/\S+#\S+/);
  const first = bo.start('connect', link);
  await first.write('mine');
  await listen.waitFor('mine', { stream: 'stdout' });
  for (const command of ['connect', 'pair', 'chat']) await late(link, command);
  first.end();
  listen.end();
  expect((await first.wait()).code, first.stderr).toBe(0);

  const page = await createClient({ url: relay.ws, seed: newSeed(), WebSocket });
  await within(new Promise((done) => page.on('online', done)), 'online');
  await late(page.createInvite({ lifetimeMs: 0 }).link, 'connect');
  page.stop();
  await relay.stop();
});

test('chat by code: one shows it, the other types it, and lines arrive', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  const { program: a, code } = await offered(ana, 'chat');
  const b = bo.start('chat', '--code');
  await b.write(`${code}\nhello\n`);
  await a.waitFor('hello\n', { stream: 'stdout' });
  await a.write('hi\n');
  await b.waitFor('hi\n', { stream: 'stdout' });
  expect(b.stderr).toContain('Chat with Ana');
  b.end();
  expect((await b.wait()).code, b.stderr).toBe(0);
  await a.stop();
  expect(await bo.contacts()).toMatchObject([{ name: 'Ana', paired: 'code' }]);
  await relay.stop();
});

test('with the JavaScript client, as in a page: its code is typed here, and the reverse', LONG, async () => {
  const relay = await startRelay();
  const ana = await person(relay, 'Ana');
  const page = await createClient({
    url: relay.ws,
    seed: newSeed(),
    application: 'chat/1',
    name: 'Page',
    listen: true,
    WebSocket,
  });
  const made = page.createCode();
  await within(new Promise((done) => made.on('code', done)), 'a code');
  const paired = within(new Promise((done) => made.on('paired', done)), 'paired');
  expect(await ana.run(['pair', '--code'], { input: made.text })).toMatchObject({ code: 0 });
  expect(await paired).toMatchObject({ id: ana.id, name: 'Ana' });
  const { program, code } = await offered(ana, 'chat');
  const heard = within(
    new Promise((done) => page.on('session', (session) => session.on('message', done))),
    'a message',
  );
  page.claimCode(code);
  await program.waitFor('Paired with Page.');
  await program.write('hello\n');
  const { data } = await heard;
  expect(Buffer.from(data).subarray(17).toString()).toBe('hello');
  expect(await ana.contacts()).toMatchObject([{ name: 'Page', id: page.id, paired: 'code' }]);
  page.stop();
  await program.stop();
  await relay.stop();
});

test('listen --code and connect --code connect two pipes', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay), await person(relay)];
  const { program, code } = await offered(ana, 'listen', '--code');
  program.end('from ana');
  const connect = startCli({ ...bo.where, env: { ...bo.where.env, PAIRLINK_CODE: code } }, 'connect', '--code');
  open.push(connect);
  connect.end('from bo');
  expect((await connect.wait()).code, connect.stderr).toBe(0);
  expect((await program.wait()).code, program.stderr).toBe(0);
  expect([program.stdout, connect.stdout]).toEqual(['from bo', 'from ana']);
  await relay.stop();
});

test('a known name with another ID prints a warning, and is saved under another name', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo, other] = [await person(relay, 'Ana'), await person(relay, 'Bo'), await person(relay, ' ANA\u202e')];
  const pair = async (one) => {
    const { program, code } = await offered(bo, 'pair');
    expect((await one.run(['pair', '--code'], { input: code })).code).toBe(0);
    await program.wait();
    return program.stderr;
  };
  expect(await pair(ana)).not.toContain('Careful');
  expect(await pair(other)).toMatch(/Careful: this one calls itself “ANA”, but is not the Ana that you know/);
  expect(await bo.contacts()).toMatchObject([
    { name: 'Ana', id: ana.id },
    { name: 'ANA 2', id: other.id },
  ]);
  expect(await pair(ana)).not.toContain('Careful');
  await relay.stop();
});

test('a blocked contact stays blocked when a code is used with it', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  for (const expected of [0, 4]) {
    const { program, code } = await offered(bo, 'pair');
    await ana.run(['pair', '--code'], { input: code });
    expect((await program.wait()).code).toBe(expected);
    if (expected === 4) expect(program.stderr).toContain('unblock Ana');
    await bo.run(['contacts', 'block', 'Ana']);
  }
  await relay.stop();
});

test('the question warns of a stranger who uses the name of a contact', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo, other] = [await person(relay, 'Ana'), await person(relay, 'Bo'), await person(relay, 'Ana')];
  const { program, code } = await offered(bo, 'pair');
  await ana.run(['pair', '--code'], { input: code });
  expect((await program.wait()).code).toBe(0);
  const listen = inTerminal(bo, ['listen', '--keep']);
  await listen.waitFor('Waiting.');
  const stranger = other.start('connect', bo.id);
  await listen.waitFor('Let it in? [y/N]');
  expect(plain(listen.stdout)).toMatch(/Careful: this one calls itself “Ana”, but is not the Ana that you know/);
  await listen.write('n\n');
  await listen.waitFor('Not let in.');
  const friend = ana.start('connect', 'Bo');
  await listen.waitFor('Ana wants to connect. Let them in? [y/N]');
  await listen.write('y\n');
  await listen.waitFor('Connected with Ana');
  await Promise.all([stranger.kill9(), friend.kill9(), listen.kill9()]);
  await relay.stop();
});

/** Runs `pairlink` in a terminal, then prints the settings of the terminal. */
function inTerminal(me, args, env = {}, rows = 60) {
  const words = [binary('pairlink'), '--relay', me.where.relay, '--identity', me.identity, ...args].map(
    (word) => `'${word}'`,
  );
  const program = startInTerminal(
    'sh',
    ['-c', `stty rows ${rows} cols 80; trap : INT; ${words.join(' ')}; echo "ended with $?"; stty -a`],
    {
      env: { ...me.where.env, HOME: tempDir(), NO_COLOR: '', PAIRLINK_CODE: '', ...env },
    },
  );
  open.push(program);
  return program;
}

test(
  'in a terminal: words are completed, the code is asked for and the name, and the QR code shows the link',
  LONG,
  async () => {
    const relay = await startRelay();
    const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
    const maker = inTerminal(ana, ['pair']);
    const [, code] = await maker.waitFor(CODE);
    expect(plain(maker.stdout)).toContain("a phone's camera"); // above the code
    expect(readQr(maker.stdout)).toBe(maker.stdout.match(/http:\/\/\S+#[\w-]+/)[0]);
    const claimer = inTerminal(bo, ['pair', '--code']);
    await claimer.waitFor('a number and two words');
    const [number, first, second] = code.split('-');
    await claimer.write(`${number}x\u007f${first.slice(0, 2)}`); // perhaps still ambiguous, so:
    await claimer.write(`\u0015${number} ${first} ${second}`);
    await claimer.waitFor(new RegExp(`${code}`));
    await claimer.write('\r');
    await claimer.waitFor('Your name for them [Ana]: ');
    await claimer.write('My sister\n');
    await maker.waitFor('Your name for them [Bo]: ');
    await maker.write('\n');
    for (const program of [claimer, maker]) {
      await program.wait();
      expect(plain(program.stdout)).toContain('ended with 0');
      expect(program.stdout).toMatch(/[ ;]icanon/);
      expect(program.stdout).toMatch(/[ ;]echo /);
    }
    expect(await bo.contacts()).toMatchObject([{ name: 'My sister', own_name: 'Ana' }]);
    expect(await ana.contacts()).toMatchObject([{ name: 'Bo' }]);
    await relay.stop();
  },
);

test(
  'on 24 rows the code is on the screen, below the link, and a QR code that does not fit is left out',
  LONG,
  async () => {
    const relay = await startRelay();
    const maker = inTerminal(await person(relay, 'Ana'), ['pair'], {}, 24);
    await maker.waitFor(/pairlink pair --code --relay .*/);
    const shown = plain(maker.stdout);
    expect(shown).not.toContain('▀');
    expect(shown.indexOf('http://')).toBeLessThan(shown.indexOf('Code  '));
    const rows = shown.split('\n').reduce((n, line) => n + Math.max(1, Math.ceil(line.length / 80)), 0);
    expect(rows).toBeLessThanOrEqual(24);
    await maker.kill9();
    await relay.stop();
  },
);

test('a relay whose address has a path: a code, but no link, which would lead elsewhere', LONG, async () => {
  const relay = await startRelay();
  const proxy = net.createServer((client) => {
    const there = net.connect(relay.port, '127.0.0.1');
    for (const one of [client, there]) one.on('error', () => {});
    client.once('data', (head) => {
      there.write(head.toString('latin1').replace('GET /sub/', 'GET /'), 'latin1');
      client.pipe(there);
    });
    there.pipe(client);
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  const below = { ws: `ws://127.0.0.1:${proxy.address().port}/sub` };
  const [ana, bo] = [await person(below, 'Ana'), await person(below, 'Bo')];
  const { program, code } = await offered(ana, 'pair', '--json');
  expect((await bo.run(['pair', '--code'], { input: code })).code).toBe(0);
  expect((await program.wait()).code, program.stderr).toBe(0);
  expect(program.stderr).not.toContain('#');
  expect(
    program.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event),
  ).toEqual(['code', 'paired']);
  const listen = await ana.run(['listen', '--invite']);
  expect(listen.code).toBe(2);
  expect(listen.stderr).toContain('the address of this relay has a path');
  const page = await createClient({ url: `${below.ws}/`, seed: newSeed(), application: 'chat/1', WebSocket });
  await within(new Promise((done) => page.on('online', done)), 'online');
  expect(() => page.createInvite()).toThrow(expect.objectContaining({ code: 'EURL' }));
  page.stop();
  proxy.close();
  await relay.stop();
});

test.each([
  ['Ctrl-C', (program) => program.write('4821-\u0003'), 130],
  ['Ctrl-D', (program) => program.write('\u0004'), 130],
  ['SIGTERM', (program, pid) => process.kill(pid, 'SIGTERM') && program, 143],
  ['SIGHUP', (program, pid) => process.kill(pid, 'SIGHUP') && program, 129],
])('%s at the question for the code ends it, and the terminal is as before', LONG, async (name, act, code) => {
  const relay = await startRelay();
  const bo = await person(relay);
  const program = inTerminal(bo, ['pair', '--code']);
  await program.waitFor('a number and two words');
  await act(program, childOf(childOf(program.pid)));
  await program.waitFor(`ended with ${code}`);
  await program.wait();
  expect(program.stdout).toMatch(/[ ;]icanon/);
  expect(program.stdout).toMatch(/[ ;]echo /);
  await relay.stop();
});

/** Returns the only child process of a process. */
const childOf = (pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);

test('a word that is not in the list is marked while it is typed', LONG, async () => {
  const relay = await startRelay();
  const bo = await person(relay);
  const program = inTerminal(bo, ['pair', '--code']);
  await program.waitFor('a number and two words');
  await program.write('4821-qqq');
  await program.waitFor('no word starts with “qqq”');
  await program.write('\u0003');
  await program.wait();
  await relay.stop();
});

test('a terminal that cannot be redrawn asks in one line', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = [await person(relay, 'Ana'), await person(relay, 'Bo')];
  const { program: maker, code } = await offered(ana, 'pair');
  const program = inTerminal(bo, ['pair', '--code', '--as', 'Ana'], { TERM: 'dumb' });
  await program.waitFor('Code: ');
  await program.write(`${code}\n`);
  await program.waitFor('ended with 0');
  expect(program.stdout).not.toContain('\u001b');
  expect((await maker.wait()).code).toBe(0);
  await relay.stop();
});
