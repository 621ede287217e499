/** Admission by invite: the operator's tokens, from the command line to the login of a stranger with a token. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { REASON, helloPeer, loggedIn, loginPayload, makeIdentity, proofOfToken } from '../support/login.js';
import { idOf, runCli, startCli } from '../support/cli.js';
import { tempDir } from '../support/process.js';
import { runRelay, startRelay } from '../support/relay.js';

let relay;
afterEach(() => relay?.stop());

async function refusal(options) {
  const peer = await helloPeer(relay.port);
  peer.send(2, loginPayload(makeIdentity(), peer.hello, options));
  return peer.refusal();
}

async function newToken(data, ...args) {
  const { code, stdout, stderr } = await runRelay(['--data', data, 'token', 'new', ...args]);
  expect(code, stderr).toBe(0);
  return { token: /^token ([0-9a-f]{32})$/m.exec(stdout)[1], hint: /^hint ([0-9a-f]{16}),/m.exec(stdout)[1] };
}

test('a token lets in its number of new IDs; known ones need no token', async () => {
  const data = join(tempDir(), 'data');
  const { token, hint } = await newToken(data, '--uses', '2'); // before the first start of the relay
  relay = await startRelay({ data, args: ['--admission', 'invite'] });
  expect((await helloPeer(relay.port)).hello.admission).toBe(1);
  const identity = makeIdentity();
  expect(await refusal({})).toBe(REASON.DENIED);
  expect(await refusal({ token: 'guess' })).toBe(REASON.DENIED);
  expect(await refusal({ tokenProof: proofOfToken(token, randomBytes(64)) })).toBe(REASON.DENIED); // another login's
  (await loggedIn(relay.port, { identity, token })).close();
  (await loggedIn(relay.port, { identity })).close();
  (await loggedIn(relay.port, { token })).close();
  expect(await refusal({ token })).toBe(REASON.DENIED);
  const listed = await runRelay(['--data', data, 'token', 'list']);
  expect(listed.stdout).toMatch(new RegExp(`^${hint} +0 .*used up$`, 'm'));
  expect(listed.stdout).not.toContain(token);
  const other = await newToken(data); // while the relay runs
  expect((await runRelay(['--data', data, 'token', 'revoke', other.hint])).code).toBe(0);
  expect(await refusal({ token: other.token })).toBe(REASON.DENIED);
  await relay.restart({ hard: true });
  (await loggedIn(relay.port, { identity })).close();
});

test.each([
  [['token'], 2],
  [['token', 'sell'], 2],
  [['token', 'revoke'], 2],
  [['token', 'revoke', 'zz'], 2],
  [['token', 'revoke', '0123456789abcdef'], 1],
  [['token', 'new', '--uses', '0'], 2],
  [['token', 'new', '--days', 'x'], 2],
  [['coin'], 2],
])('%j ends with %i and says why', async (args, expected) => {
  const { code, stderr } = await runRelay(['--data', join(tempDir(), 'data'), ...args]);
  expect(code).toBe(expected);
  expect(stderr).toMatch(/token|takes a number from 1/);
});

test('the program takes its token from an option or the environment; without one it says what to do', async () => {
  const data = join(tempDir(), 'data');
  const { token } = await newToken(data, '--uses', '2');
  relay = await startRelay({ data, args: ['--admission', 'invite'] });
  const denied = await runCli({ relay }, ['listen']);
  expect(denied.code, denied.stderr).toBe(4);
  expect(denied.stderr).toContain('does not admit');
  const listen = startCli({ relay, env: { PAIRLINK_TOKEN: token } }, 'listen', '--accept', 'all');
  const connect = startCli({ relay }, '--token', token, 'connect', await idOf(listen.identity));
  listen.end();
  connect.end('let in\n');
  expect((await connect.wait()).code, connect.stderr).toBe(0);
  expect((await listen.wait()).code, listen.stderr).toBe(0);
  expect(listen.stdout).toBe('let in\n');
});
