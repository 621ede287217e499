/** `pairlink contacts`, names in place of IDs, blocked contacts, completion in a shell. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { BIN, run, tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 120_000 };
const open = [];
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

/** Makes a person: an identity with its own state, and `run` and `start` that use it. */
async function person(relay) {
  const identity = newIdentity();
  const where = { relay, identity, env: { XDG_STATE_HOME: tempDir('pairlink-state-') } };
  const me = {
    identity,
    env: where.env,
    id: await idOf(identity),
    file: `${identity}.contacts`,
    run: (...args) => runCli(where, args),
    away: (...args) =>
      runCli({ ...where, relay: undefined, env: { ...where.env, PAIRLINK_RELAY: 'ws://127.0.0.1:1' } }, args),
    start: (...args) => {
      const program = startCli(where, ...args);
      open.push(program);
      return program;
    },
    list: async () =>
      (await me.run('contacts', '--json')).stdout
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
  return me;
}

/** Makes Ana and Bo, who know each other by these names since a first chat. */
async function acquainted(relay) {
  const [ana, bo] = [await person(relay.ws), await person(relay.ws)];
  const chat = bo.start('chat', ana.id);
  expect((await ana.run('chat', bo.id, '--send', 'hello')).code).toBe(0);
  await chat.waitFor('hello');
  await chat.stop();
  expect((await ana.run('contacts', 'rename', bo.id, 'Bo')).code).toBe(0);
  expect((await bo.run('contacts', 'rename', ana.id, 'Ana')).code).toBe(0);
  return [ana, bo];
}

test('someone reached by ID becomes a contact, can be given a name, and is reached by it', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  expect(await ana.list()).toEqual([
    {
      event: 'contact',
      name: 'Bo',
      id: bo.id,
      own_name: '',
      relay: `${relay.ws}/pairlink`,
      paired: 'id',
      paired_s: expect.any(Number),
      compared_s: 0,
      blocked: false,
    },
  ]);
  expect((await ana.run('contacts', '--names')).stdout).toBe('Bo\n');
  expect((await ana.run('contacts')).stdout).toMatch(/^Bo {2}paired by id \d{4}-\d\d-\d\d {2}phrase not compared\n$/);
  expect(statSync(ana.file).mode & 0o777).toBe(0o600);
  const chat = bo.start('chat', 'ANA');
  await chat.waitFor('Chat with Ana (safety phrase not compared');
  const sent = await ana.run('chat', 'bo', '--send', 'by name');
  expect(sent.code, sent.stderr).toBe(0);
  expect(sent.stderr).toContain('Connected with Bo, end-to-end encrypted.');
  await chat.waitFor('by name\n', { stream: 'stdout' });
  await chat.stop();
  await relay.stop();
});

test('the relay where a contact was met is remembered', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  const chat = bo.start('chat', 'Ana');
  const sent = await ana.away('chat', 'Bo', '--send', 'no relay named');
  expect(sent.code, sent.stderr).toBe(0);
  await chat.waitFor('no relay named\n');
  await chat.stop();
  const other = await startRelay(); // both move there, each with --relay once
  const moved = startCli({ relay: other.ws, identity: bo.identity, env: bo.env }, 'chat', 'Ana');
  open.push(moved);
  const there = await runCli({ relay: other.ws, identity: ana.identity, env: ana.env }, [
    'chat',
    'Bo',
    '--send',
    'over there',
  ]);
  expect(there.code, there.stderr).toBe(0);
  await moved.waitFor('over there\n');
  expect((await ana.list())[0].relay).toBe(`${other.ws}/pairlink`);
  expect((await ana.away('chat', 'Bo', '--send', 'still there')).code).toBe(0);
  await moved.waitFor('still there\n');
  await relay.stop();
  await other.stop();
});

test('names work for connect, listen --accept and ping, too', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  expect((await bo.run('contacts', 'rename', 'Ana', 'Ana Maria')).code).toBe(0);
  const listen = bo.start('listen', '--accept', 'Ana Maria');
  const pinged = await ana.run('ping', 'Bo', '--count', '1');
  expect(pinged.stdout).toMatch(/^Bo answered in /);
  const connect = ana.start('connect', 'Bo');
  connect.end('data');
  listen.end();
  expect((await connect.wait()).code, connect.stderr).toBe(0);
  expect((await listen.wait()).code, listen.stderr).toBe(0);
  expect(listen.stdout).toBe('data');
  expect(listen.stderr).toContain('Connected with Ana Maria');
  const all = bo.start('listen', '--accept', 'contacts');
  all.end();
  const again = ana.start('connect', 'Bo');
  again.end('more');
  expect((await again.wait()).code, again.stderr).toBe(0);
  expect((await all.wait()).code).toBe(0);
  await relay.stop();
});

test('an unknown name says what to do; a code is not accepted as an argument, and not printed', LONG, async () => {
  const ana = await person('ws://127.0.0.1:1');
  for (const command of ['chat', 'connect', 'ping', 'pair']) {
    const { code, stderr } = await ana.run(command, 'Nobody');
    expect(code, command).toBe(2);
    expect(stderr).toContain('there is no contact “Nobody”');
    expect(stderr).toContain('what to do: ');
  }
  const { code, stderr } = await ana.run('pair', '4821-copper-violin');
  expect(code).toBe(2);
  expect(stderr).toContain('--code');
  expect(stderr).not.toContain('copper');
});

test('a blocked contact gets nothing through, in any command, until unblocked', LONG, async () => {
  const relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
  const [ana, bo] = await acquainted(relay);
  expect((await bo.run('contacts', 'block', 'Ana')).code).toBe(0);
  expect((await bo.run('contacts')).stdout).toContain('BLOCKED');
  const refused = await bo.run('chat', 'Ana');
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain('unblock Ana');
  const listen = bo.start('listen', '--accept', 'all', '--keep');
  await listen.waitFor('Waiting.');
  const ping = await ana.run('ping', 'Bo', '--count', '1');
  expect(ping.code).toBe(5);
  expect(listen.stderr).not.toContain('Connected with');
  await listen.stop();
  expect((await bo.run('contacts', 'unblock', 'Ana')).code).toBe(0);
  const free = bo.start('listen', '--accept', 'Ana');
  expect((await ana.run('ping', 'Bo', '--count', '1')).code).toBe(0);
  await free.stop();
  await relay.stop();
});

test('the safety phrase is the same on both sides; that it was compared is remembered', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  const [mine, theirs] = [await ana.run('contacts', 'phrase', 'Bo'), await bo.run('contacts', 'phrase', 'Ana')];
  expect(mine.code, mine.stderr).toBe(0);
  expect(mine.stdout).toBe(theirs.stdout);
  expect(mine.stdout).toMatch(/^( {2}([a-z]+ ){5}[a-z]+\n){2}$/);
  expect(mine.stderr).toContain('pairlink contacts compared');
  const phrase = JSON.parse((await ana.run('contacts', '--json', 'phrase', 'Bo')).stdout);
  expect(phrase).toEqual({ event: 'phrase', name: 'Bo', phrase: mine.stdout.trim().replace(/\s+/g, ' ') });
  expect((await ana.run('contacts', 'compared', 'Bo')).code).toBe(0);
  expect((await ana.list())[0].compared_s).toBeGreaterThan(0);
  expect((await ana.run('contacts', 'phrase', 'Bo')).stderr).toContain('You compared it');
  const chat = ana.start('chat', 'Bo');
  await chat.waitFor('Chat with Bo (safety phrase compared');
  await chat.stop();
  await relay.stop();
});

test('wrong use of contacts is explained', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  for (const [args, words] of [
    [['frobnicate', 'Bo'], 'no such action'],
    [['rename', 'Bo'], 'two names'],
    [['rename', 'Bo', 'Bo', 'Marley'], 'quotes'],
    [['block'], 'the name of one contact'],
    [['block', 'Al'], 'no contact “Al”'],
    [['rename', 'Bo', '#'], 'cannot be used as a name'],
  ]) {
    const { code, stderr } = await ana.run('contacts', ...args);
    expect(code, args.join(' ')).toBe(2);
    expect(stderr).toContain(words);
  }
  expect((await ana.run('contacts', 'forget', 'Bo')).stderr).toContain(bo.id);
  expect((await ana.run('contacts', 'allow', 'Bo')).code).toBe(0);
  const none = await ana.run('contacts');
  expect(none).toMatchObject({ code: 0, stdout: '' });
  expect(none.stderr).toContain('pairlink pair');
  writeFileSync(ana.file, 'nonsense\n');
  const damaged = await ana.run('chat', bo.id);
  expect(damaged.code).toBe(7);
  expect(damaged.stderr).toContain('line 1 of');
  writeFileSync(ana.file, '');
  chmodSync(ana.file, 0o644);
  expect((await ana.run('contacts')).stderr).toContain('chmod 600');
  await relay.stop();
});

test('name: what others see', async () => {
  const ana = await person();
  expect((await ana.run('name')).stderr).toContain('no name yet');
  expect((await ana.run('name', ' Ana\u001b[2J ')).code).toBe(0);
  expect((await ana.run('name')).stdout).toBe('Ana[2J\n');
  expect((await ana.run('name', '#')).code).toBe(2);
  expect((await ana.run('name', 'Ana', 'Maria')).stderr).toContain('quotes');
  expect(readFileSync(ana.file, 'utf8')).toContain('"my_name":"Ana[2J"');
  expect((await ana.run('name', '')).code).toBe(0);
  expect((await ana.run('name')).stdout).toBe('');
});

/** Returns what bash would offer for the last word of a line. */
async function complete(ana, ...words) {
  const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const script = `source <(pairlink completion bash) && COMP_WORDS=(pairlink ${line}) COMP_CWORD=${words.length} &&
    compopt() { :; } && _pairlink && (( \${#COMPREPLY[@]} )) && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await run('bash', ['-c', script], {
    env: { PATH: `${BIN}:${process.env.PATH}` },
    cwd: dirname(ana.identity),
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

test('bash completes commands, options, words, files and the names of contacts', LONG, async () => {
  const relay = await startRelay();
  const [ana] = await acquainted(relay);
  const mine = (...words) => complete(ana, '--identity', ana.identity, ...words);
  expect(await mine('con')).toEqual(['contacts', 'connect']);
  expect(await mine('chat', '')).toEqual(['Bo']);
  expect(await mine('chat', 'b')).toEqual(['Bo']);
  expect(await mine('chat', 'x')).toEqual([]);
  expect(await mine('chat', '--se')).toEqual(['--send']);
  expect(await mine('contacts', 'b')).toEqual(['block']);
  expect(await mine('contacts', 'block', '')).toEqual(['Bo']);
  expect(await mine('listen', '--accept', 'a')).toEqual(['ask', 'all']);
  expect(await mine('listen', '--accept', '=', 'B')).toEqual(['Bo']);
  expect(await mine('help', 'pi')).toEqual(['ping']);
  expect(await mine('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect(await complete(ana, '--ver')).toEqual(['--verbose']);
  expect((await complete(ana, '--identity', 'ident')).sort()).toEqual([
    'identity',
    'identity.contacts',
    'identity.contacts.lock',
  ]);
  expect(await complete(ana, '--relay', 'w')).toEqual([]);
  // A name may come from others: whatever it contains, the text that bash inserts stands for the name only.
  for (const odd of ["It's $(touch odd) o", 'Is "$(touch odd)" `odd` \\ !1', '"Q', "'Q", '$HOME']) {
    expect((await ana.run('contacts', 'rename', (await ana.list())[0].id, odd)).code).toBe(0);
    const [plain] = await mine('chat', '');
    expect((await run('bash', ['-c', `printf %s ${plain}`])).stdout).toBe(odd);
    for (const quote of ["'", '"'])
      for (const offered of await mine('chat', quote)) {
        expect(quote === "'" || !offered.includes('!')).toBe(true);
        expect((await run('bash', ['-c', `printf %s ${quote}${offered}${quote}`])).stdout).toBe(odd);
      }
  }
  expect((await ana.run('contacts', 'rename', (await ana.list())[0].id, 'Bo')).code).toBe(0);
  expect(await mine('contacts', 'allow', '')).toEqual([]);
  expect((await ana.run('contacts', 'forget', 'Bo')).code).toBe(0);
  expect(await mine('contacts', 'allow', '')).toEqual(['Bo']);
  expect(await mine('contacts', 'block', '')).toEqual([]);
  await relay.stop();
});

test.each(['bash', 'zsh', 'fish'])('the script for %s is one that the shell reads', async (shell) => {
  const { code, stdout } = await (await person()).run('completion', shell);
  expect(code).toBe(0);
  expect(stdout).toContain('completion words --');
  const there = await run('sh', ['-c', `command -v ${shell}`]);
  if (there.code !== 0) return;
  const checked = await run(shell, ['-n'], { input: stdout });
  expect(checked).toMatchObject({ code: 0, stderr: '' });
});
