/** The command line itself: options anywhere, suggestions for typos, help, and a stdout that cannot be written. */
import { openSync, closeSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { binary, run, tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';

const pairlink = (...args) =>
  run(binary('pairlink'), args, { env: { HOME: tempDir(), XDG_CONFIG_HOME: '', PAIRLINK_RELAY: '' } });
const open = [];
let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.stop());
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

test('the options of the whole program may stand after the command, too', async () => {
  const identity = join(tempDir(), 'mine');
  expect((await pairlink('id', '--identity', identity)).stdout.trim()).toBe(await idOf(identity));
  const ana = await idOf(newIdentity());
  for (const args of [
    ['--relay', 'ws://127.0.0.1:1', 'connect', ana, '--relay-wait', '1'],
    ['connect', ana, '-r', 'ws://127.0.0.1:1', '--relay-wait=1'],
  ])
    expect(await pairlink(...args)).toMatchObject({ code: 3, stderr: expect.stringContaining('ws://127.0.0.1:1') });
  expect(await pairlink('ping', ana, '--relay-wait', 'soon')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("not 'soon'"),
  });
  expect((await pairlink('send', '--help')).stdout).toMatch(/Options of every command:[^]*--relay=URL/);
  const offered = await pairlink('completion', 'words', '--', 'chat', '--rel');
  expect(offered.stdout).toMatch(/^--relay\t.*\n--relay-wait\t.*\n$/);
});

test('for a command or action that does not exist, the nearest one is suggested', async () => {
  for (const [typed, meant] of [
    ['snd', 'send'],
    ['recieve', 'receive'],
    ['chta', 'chat'],
    ['contact', 'contacts'],
    ['hlep', 'help'],
  ]) {
    const { code, stderr } = await pairlink(typed);
    expect(code).toBe(2);
    expect(stderr).toContain(`did you mean ${meant}? pairlink help lists them`);
  }
  expect((await pairlink('help', 'snd')).stderr).toContain('did you mean send?');
  expect((await pairlink('contacts', 'blok', 'Ana')).stderr).toContain('did you mean block?');
  for (const typed of ['frobnicate', 'x', 'a'.repeat(500), 'b\u001b[2J']) {
    const { code, stderr } = await pairlink(typed);
    expect(code).toBe(2);
    expect(stderr).not.toContain('did you mean');
    expect(stderr).not.toContain('\u001b');
  }
});

test('the help of help is help', async () => {
  const { stdout } = await pairlink('help');
  expect(stdout).toContain('Commands (pairlink COMMAND --help says more)');
  for (const args of [
    ['help', '--help'],
    ['help', '-?'],
    ['help', 'help'],
  ])
    expect(await pairlink(...args)).toMatchObject({ code: 0, stdout });
});

test('output that cannot be written to stdout is an error with a message, whatever it is', async () => {
  for (const args of [
    ['--help'],
    ['--version'],
    ['help'],
    ['help', 'send'],
    ['send', '--help'],
    ['send', '--usage'],
    ['id'],
    ['completion', 'bash'],
  ]) {
    const full = openSync('/dev/full', 'w');
    const child = spawn(binary('pairlink'), args, { stdio: ['ignore', full, 'pipe'], env: { HOME: tempDir() } });
    closeSync(full);
    let stderr = '';
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const code = await new Promise((done) => child.on('close', done));
    expect(code, args.join(' ')).toBe(7);
    expect(stderr).toMatch(/stdout/);
    expect(stderr.match(/^pairlink:/gm)).toHaveLength(1);
  }
  const { code, stderr } = await run('bash', ['-c', `'${binary('pairlink')}' --help | head -1 >/dev/null`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('a command shown for the other side names the relay, unless it is the built-in one', async () => {
  const from = (where, env = {}) => {
    const program = startCli(
      { relay: where, env: { XDG_STATE_HOME: tempDir(), PAIRLINK_RELAY: '', ...env } },
      'send',
      binary('pairlink'),
    );
    open.push(program);
    return program;
  };
  const byOption = from(relay);
  const byEnvironment = from(undefined, { PAIRLINK_RELAY: relay.ws });
  for (const send of [byOption, byEnvironment]) {
    const [, code, hint] = await send.waitFor(/Code {2}(\S+) .*on the other side: pairlink (.*)\n/);
    expect(hint).toBe(`receive --relay ${relay.ws}`);
    const folder = tempDir();
    const other = await runCli(
      { env: { XDG_STATE_HOME: tempDir(), PAIRLINK_RELAY: '' } },
      [...hint.split(' '), '--into', folder],
      { input: `${code}\n` },
    );
    expect(other.code, other.stderr).toBe(0);
    expect((await send.wait()).code, send.stderr).toBe(0);
  }
  const listen = startCli({ relay }, 'listen');
  open.push(listen);
  await listen.waitFor(new RegExp(`pairlink connect \\w{54} --relay ${relay.ws}\\n`));
});
