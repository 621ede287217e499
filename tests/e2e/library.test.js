/**
 * C programs on libpairlink: the one in README.md, and hosts that poll only the library's descriptor.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { binary, run, start, tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';

let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(async () => {
  expect((await relay.stop()).code, relay.log).toBe(0);
});

const home = () => ({ HOME: tempDir(), XDG_CONFIG_HOME: '', XDG_STATE_HOME: '', http_proxy: '', no_proxy: '*' });

test('the program of the README says something and prints the answer', async () => {
  const identity = newIdentity();
  const id = await idOf(identity);
  const listen = startCli({ relay, identity }, 'listen', '--accept', 'all');
  const sample = start(binary('sample'), [relay.ws, id, 'hello from C'], { env: home() });
  await listen.waitFor('hello from C', { stream: 'stdout' });
  listen.end('and hello back');
  expect(await sample.wait(), sample.stderr).toEqual({ code: 0, signal: null });
  expect(sample.stdout).toBe('and hello back');
  expect((await listen.wait()).code, listen.stderr).toBe(0);
});

test('the program of the README says what is wrong with an ID', async () => {
  const { code, stderr } = await run(binary('sample'), [relay.ws, 'nonsense', 'hello'], { env: home() });
  expect(code).toBe(1);
  expect(stderr).toMatch(/not a peer ID/);
});

test.each([
  ['a host that has closed its standard streams keeps them closed', 'closed'],
  ['many clients of one process take four descriptors each', 'many'],
  ['a client that could not open all its files leaves none open', 'shortage'],
])('%s', async (_name, what) => {
  const { code, signal, stderr } = await run(binary('descriptors'), [what, relay.ws, tempDir()], {
    env: home(),
    ms: 90_000,
  });
  expect({ code, signal }, stderr).toEqual({ code: 0, signal: null });
});

test('a send outside dispatch wakes a host that polls only the descriptor', async () => {
  const result = await run(binary('host_poll'), [relay.ws, tempDir(), '200'], { env: home(), ms: 90_000 });
  expect(result.stdout).toMatch(/^OK 200 messages/);
  expect(result.code).toBe(0);
});

test('a forked child frees its copies, and the parent continues to talk', async () => {
  const result = await run(binary('host_fork'), [relay.ws, tempDir()], { env: home(), ms: 90_000 });
  expect(result.stdout).toMatch(/^OK .* 0 losses/);
  expect(result.code).toBe(0);
});
