/** The page and the command line talk with each other, called from either side. */
import { afterEach, describe, expect, test } from 'vitest';
import { idOf, newIdentity, runCli, startCli } from '../../support/cli.js';
import { tempDir } from '../../support/process.js';
import { setStage } from './stage.js';

const stage = setStage();
let person;
let program;
afterEach(async () => {
  if (program?.running) await program.kill9();
});

test('the page calls a program that listens', async () => {
  const identity = newIdentity();
  const id = await idOf(identity);
  program = startCli({ relay: stage.relay, identity }, 'listen', '--accept', 'all');
  person = await stage.person();
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
  person = await stage.person();
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
  person = await stage.person();
  program = startCli({ relay: stage.relay }, 'connect', await person.invite());
  program.end('by another address');
  await person.hears('by another address');
  expect((await program.wait()).code, program.stderr).toBe(0);
});

test('a program calls the page by ID, the person allows it, and it exits when all was taken', async () => {
  person = await stage.person();
  const id = await person.ownId();
  program = startCli({ relay: stage.relay }, 'connect', id);
  program.end('piped in');
  await person.page.getByRole('button', { name: 'Allow' }).click();
  await person.hears('piped in');
  expect((await program.wait()).code, program.stderr).toBe(0);
});

test('the link that pair shows beside its code is opened in a browser', async () => {
  const identity = newIdentity();
  program = startCli({ relay: stage.relay, identity }, 'pair');
  const [link] = await program.waitFor(/http:\/\/\S+#\S+/);
  person = await stage.person({ url: link });
  expect((await program.wait()).code, program.stderr).toBe(0);
  await person.callThem('Terminal');
  const { stdout } = await runCli({ relay: stage.relay, identity }, ['contacts', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ paired: 'link' });
});

describe('by code', () => {
  /** A person at the command line, with contacts of their own. */
  const atTheShell = () => ({
    relay: stage.relay,
    identity: newIdentity(),
    env: { XDG_STATE_HOME: tempDir('pairlink-state-') },
  });
  const wrongWord = (code) => code.replace(/[a-z]+$/, (word) => (word === 'acid' ? 'copper' : 'acid'));

  test('the command line shows it, the page types it, and they talk under the names they gave', async () => {
    const where = atTheShell();
    await runCli(where, ['name', 'Tariq']);
    program = startCli(where, 'chat');
    const [, code] = await program.waitFor(/Code {2}(\d{4,}-[a-z]+-[a-z]+) /);
    person = await stage.person();
    await person.join(code);
    await person.here();
    expect(await person.page.locator('#name-ask').inputValue(), 'how they call themselves').toBe('Tariq');
    await person.callThem('Tariq');
    await program.write('from the shell\n');
    await person.hears('from the shell');
    await person.say('from the page');
    await program.waitFor('from the page\n', { stream: 'stdout' });
    program.end();
    expect((await program.wait()).code, program.stderr).toBe(0);
    await person.button('About Tariq').click();
    await person.page.getByText('Connected with the code they gave you').waitFor();
  });

  test('the page shows it, the command line types it; later it is reached by name, with the same phrase', async () => {
    const where = atTheShell();
    person = await stage.person();
    await person.button('Settings and details').click();
    await person.page.locator('.name-form input').fill('Ana');
    await person.button('Save').click();
    await person.page.getByText('Saved').waitFor();
    await person.button('Back').click();
    const code = await person.inviteByCode();
    const paired = await runCli(where, ['pair', '--code'], { input: `${code}\n` });
    expect(paired.code, paired.stderr).toBe(0);
    expect(paired.stderr).toContain('Paired with Ana.');
    await person.page.locator('.thread').waitFor();
    await person.callThem('Tariq');
    const sent = await runCli(where, ['chat', 'Ana', '--send', 'by name']);
    expect(sent.code, sent.stderr).toBe(0);
    await person.hears('by name');
    await person.button('About Tariq').click();
    await person.page.locator('.phrase li').last().waitFor();
    const words = await person.page.locator('.phrase li').allTextContents();
    const { stdout } = await runCli(where, ['contacts', 'phrase', 'Ana']);
    expect(stdout.match(/[a-z]+/g).filter((word) => words.includes(word))).toEqual(words);
  });

  test('a wrong one is told on both sides, whichever of them guessed', async () => {
    const where = atTheShell();
    person = await stage.person();
    const code = await person.inviteByCode();
    const guess = await runCli(where, ['pair', '--code'], { input: `${wrongWord(code)}\n` });
    expect(guess.code).toBe(8);
    await person.page.getByText('Someone got this code wrong, so it no longer works.').waitFor();
    program = startCli(where, 'pair');
    const [, theirs] = await program.waitFor(/Code {2}(\d{4,}-[a-z]+-[a-z]+) /);
    await person.goTo({ screen: 'new' });
    await person.join(wrongWord(theirs));
    await person.page.getByText('That wasn’t the right code, and now it no longer works.').waitFor();
    expect((await program.wait()).code).toBe(8);
  });
});
