/** The page and the command line talk with each other, called from either side. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { idOf, newIdentity, runCli, startCli } from '../../support/cli.js';
import { startRelay } from '../../support/relay.js';
import { openPerson } from './person.js';

let relay;
let person;
let program;
beforeAll(async () => {
  relay = await startRelay({ args: ['--limit', 'OPEN_TIMEOUT_MS=500'] });
});
afterEach(async () => {
  await person?.close();
  if (program?.running) await program.kill9();
});
afterAll(() => relay.stop());

test('the page calls a program that listens', async () => {
  const identity = newIdentity();
  const id = await idOf(identity);
  program = startCli({ relay, identity }, 'listen', '--accept', 'all');
  person = await openPerson(relay.http);
  await person.join(id);
  await person.here();
  await person.say('from the page');
  await program.waitFor('from the page\n', { stream: 'stdout' });
  await person.delivered('from the page');
  await program.write('from the program\n');
  await person.hears('from the program');
  expect(await person.thread()).toEqual(['> from the page', '< from the program']);
});

test('a program calls the page by invite link', async () => {
  person = await openPerson(relay.http);
  const link = await person.invite();
  program = startCli({}, 'connect', link); // the link says which relay
  await program.write('hello from a terminal\n');
  await person.hears('hello from a terminal');
  await person.say('hello from a browser');
  await program.waitFor('hello from a browser\n', { stream: 'stdout' });
  program.end();
  expect((await program.wait()).code, program.stderr).toBe(0);
});

test('an invite link and a relay that was never seen before', async () => {
  person = await openPerson(relay.http);
  program = startCli({ relay }, 'connect', await person.invite());
  program.end('by another address');
  await person.hears('by another address');
  expect((await program.wait()).code, program.stderr).toBe(0);
});

test('a program calls the page by ID, the person allows it, and it exits when all was taken', async () => {
  person = await openPerson(relay.http);
  const id = await person.ownId();
  program = startCli({ relay }, 'connect', id);
  program.end('piped in');
  await person.page.getByRole('button', { name: 'Allow' }).click();
  await person.hears('piped in');
  expect((await program.wait()).code, program.stderr).toBe(0);
});

test('a chat at the command line shows a code, which is typed into the page', async () => {
  program = startCli({ relay }, 'chat');
  const [, code] = await program.waitFor(/Code {2}(\S+)/);
  person = await openPerson(relay.http);
  await person.join(code);
  await person.here();
  await person.say('from the page');
  await program.waitFor('from the page\n', { stream: 'stdout' });
  await program.write('from the terminal\n');
  await person.hears('from the terminal');
});

test('the page shows a code, pair takes it, and a chat by name follows', async () => {
  const identity = newIdentity();
  person = await openPerson(relay.http);
  const code = await person.inviteByCode();
  const paired = await runCli({ relay, identity }, ['pair', '--code', '--as', 'Page'], { input: code });
  expect(paired.code, paired.stderr).toBe(0);
  await person.callThem('Terminal');
  program = startCli({ relay, identity }, 'chat', 'Page');
  await program.write('hello from a terminal\n');
  await person.hears('hello from a terminal');
  await person.say('hello from a browser');
  await program.waitFor('hello from a browser\n', { stream: 'stdout' });
});

test('the link that pair shows beside its code is opened in a browser', async () => {
  const identity = newIdentity();
  program = startCli({ relay, identity }, 'pair');
  const [link] = await program.waitFor(/http:\/\/\S+#\S+/);
  person = await openPerson(link);
  expect((await program.wait()).code, program.stderr).toBe(0);
  await person.callThem('Terminal');
  const { stdout } = await runCli({ relay, identity }, ['contacts', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ paired: 'link' });
});
