/** What a person decides about another holds in later commands, and the other side is told what may be told. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { afterEach, expect, test } from 'vitest';
import { createClient, newSeed } from '../../web/client/index.js';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { event, online } from '../support/js_client.js';
import { tempDir, within } from '../support/process.js';
import { startProxy } from '../support/proxy.js';
import { startRelay } from '../support/relay.js';

const LONG = { timeout: 120_000 };
const open = [];
afterEach(async () => {
  for (const one of open.splice(0)) if (one.running) await one.kill9();
});

/** Makes a person: an identity, and `run` and `start` that use it. */
async function person(relay) {
  const identity = newIdentity();
  const where = { relay, identity, env: { XDG_STATE_HOME: tempDir('pairlink-state-') } };
  return {
    identity,
    id: await idOf(identity),
    run: (...args) => runCli(where, args),
    start: (...args) => {
      const program = startCli(where, ...args);
      open.push(program);
      return program;
    },
  };
}

/** Returns what `contacts --json` prints. */
async function listOf(who) {
  const { stdout } = await who.run('contacts', '--json');
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Makes Ana and Bo, who are contacts of each other. */
async function acquainted(relay) {
  const [ana, bo] = [await person(relay.ws), await person(relay.ws)];
  await meet(ana, bo);
  expect((await ana.run('contacts', 'rename', bo.id, 'Bo')).code).toBe(0);
  expect((await bo.run('contacts', 'rename', ana.id, 'Ana')).code).toBe(0);
  return [ana, bo];
}

async function meet(ana, bo) {
  const chat = bo.start('chat', ana.id);
  expect((await ana.run('chat', bo.id, '--send', 'hello')).code).toBe(0);
  await chat.waitFor('hello');
  await chat.stop();
}

test('a contact that was forgotten is told so in every command, until that is taken back', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  const file = join(tempDir('pairlink-file-'), 'a file');
  writeFileSync(file, 'some bytes');
  const forgot = await ana.run('contacts', 'forget', 'bo');
  expect(forgot.code, forgot.stderr).toBe(0);
  expect(forgot.stderr).toContain(`Bo is no longer a contact, and is told so when they call. The ID was ${bo.id}`);
  expect(forgot.stderr).toContain('pairlink contacts allow Bo');
  const forgotten = { event: 'forgotten', name: 'Bo', id: bo.id, since_s: expect.any(Number), blocked: false };
  expect(await listOf(ana)).toEqual([forgotten]);
  expect((await ana.run('contacts')).stdout).toMatch(/^Bo {2}forgotten \d{4}-\d\d-\d\d {2}not accepted\n$/);
  expect((await ana.run('contacts', '--names')).stdout).toBe('');

  let listen = ana.start('listen', '--keep');
  await listen.waitFor('Waiting.');
  for (const command of [
    ['chat', 'Ana', '--send', 'hello?'],
    ['send', '--to', 'Ana', file],
    ['receive', '--from', 'Ana', '--into', tempDir('pairlink-into-')],
    ['connect', 'Ana'],
    ['ping', 'Ana', '--count', '1'],
    ['pair', ana.id],
  ]) {
    const { code, stderr } = await bo.run(...command);
    expect(code, stderr).toBe(4);
    expect(stderr).toContain('Ana no longer accepts you');
    expect(stderr).not.toContain('not here');
  }
  const json = await bo.run('send', '--to', 'Ana', '--json', file);
  expect(JSON.parse(json.stdout.trim().split('\n').at(-1))).toMatchObject({
    event: 'error',
    error: 'refused',
    text: expect.stringContaining('Ana no longer accepts you'),
  });
  expect((await bo.run('contacts', 'forget', 'Ana')).code).toBe(0);
  const stranger = await bo.run('pair', ana.id);
  expect(stranger.code, stranger.stderr).toBe(4);
  expect(stranger.stderr).toContain('refused: they do not accept you');
  expect(stranger.stderr).toContain('ask them for a code or link');
  expect(listen.stderr).not.toContain('asked to connect');
  await listen.stop();

  const none = await ana.run('contacts', 'allow', 'Cem');
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('you have not forgotten “Cem”');
  const allowed = await ana.run('contacts', 'allow', 'Bo');
  expect(allowed.code, allowed.stderr).toBe(0);
  expect(await listOf(ana)).toEqual([]);
  listen = ana.start('listen', '--keep');
  await listen.waitFor('Waiting.');
  const knocks = bo.start('chat', ana.id);
  await listen.waitFor(`${bo.id} asked to connect and was not let in.`);
  await knocks.stop();
  await listen.stop();
  await relay.stop();
});

test('pairing again takes it back, and a blocked contact that is forgotten stays blocked', LONG, async () => {
  const relay = await startRelay();
  const [ana, bo] = await acquainted(relay);
  expect((await ana.run('contacts', 'forget', 'Bo')).code).toBe(0);
  await meet(ana, bo);
  expect(await listOf(ana)).toMatchObject([{ event: 'contact', id: bo.id, blocked: false }]);
  expect((await ana.run('contacts', 'block', bo.id)).code).toBe(0);
  const forgot = await ana.run('contacts', 'forget', bo.id);
  expect(forgot.stderr).toContain('is no longer a contact, and stays blocked.');
  expect(await listOf(ana)).toMatchObject([{ event: 'forgotten', id: bo.id, blocked: true }]);
  const listen = ana.start('listen', '--accept', 'all');
  await listen.waitFor('Waiting.');
  const chat = bo.start('chat', 'Ana');
  await chat.waitFor('Ana is not here yet, or has not let you in.');
  expect(listen.stderr).not.toContain('Connected with');
  await chat.stop();
  await listen.stop();
  await relay.stop();
});

test.each(['used', 'left open'])('a link that an earlier command %s is over in later ones', LONG, async (how) => {
  const relay = await startRelay();
  const [ana, bo, eve] = [await person(relay.ws), await person(relay.ws), await person(relay.ws)];
  const first = ana.start('listen', '--invite');
  const [link] = await first.waitFor(/http\S+#\S+/);
  if (how === 'used') {
    const connect = bo.start('connect', link);
    connect.end('for Ana');
    first.end();
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await first.wait()).code, first.stderr).toBe(0);
  } else {
    await first.stop();
  }
  const file = `${ana.identity}.links`;
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain(link);
  const later = ana.start('listen', '--keep');
  await later.waitFor('Waiting.');
  const { code, stderr } = await eve.run('connect', link);
  expect(code, stderr).toBe(4);
  expect(stderr).toContain('the invite link is used or expired');
  expect(later.stderr).not.toContain('asked to connect');
  await later.stop();
  await relay.stop();
});

/** Returns Ana, a client that accepts everybody, and how she stops that while all are cut off. */
async function strictAna(relay) {
  const options = { sessionTimeoutMs: 500 };
  const ana = await createClient({
    url: relay.ws,
    seed: newSeed(),
    application: 'chat/1',
    acceptAll: true,
    options,
    WebSocket,
  });
  await online(ana);
  const sessions = [];
  ana.on('session', (session) => sessions.push(session));
  const turnAway = async (people) => {
    for (const { id } of people) ana.refuse(id);
    await Promise.all(sessions.filter(({ state }) => state !== 'closed').map((session) => event(session, 'closed')));
  };
  return { ana, turnAway };
}

test('chat, send and receive that were connected say when they are not accepted any more', LONG, async () => {
  const relay = await startRelay();
  const proxy = await startProxy(relay.port);
  const { ana, turnAway } = await strictAna(relay);
  const file = join(tempDir('pairlink-file-'), 'a file');
  writeFileSync(file, 'some bytes');
  const commands = [
    ['chat', ana.id],
    ['send', '--to', ana.id, file],
    ['receive', '--from', ana.id, '--into', tempDir('pairlink-into-')],
  ];
  const people = await Promise.all(commands.map(() => person(proxy.ws)));
  const programs = people.map((one, i) => one.start(...commands[i]));
  for (const program of programs) await program.waitFor(/Connected with .*end-to-end encrypted/);
  proxy.refuse(true);
  proxy.cut();
  await within(turnAway(people), 'Ana forgets them');
  proxy.refuse(false);
  for (const program of programs) {
    const { code } = await program.wait(60_000);
    expect(code, program.stderr).toBe(4);
    expect(program.stderr).toContain('no longer accepts you');
  }
  ana.stop();
  await proxy.stop();
  await relay.stop();
});
