/** Files between the page and `pairlink send` and `pairlink receive`. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { newIdentity, startCli } from '../../support/cli.js';
import { tempDir } from '../../support/process.js';
import { SHORT_TIMERS, startRelay } from '../../support/relay.js';
import { zipEntries } from '../../support/zip.js';
import { openPerson } from './person.js';

const MIB = 1048576;
const CODE = /^Code {2}(\S+)/m;
let relay;
let person;
const programs = [];
beforeAll(async () => {
  relay = await startRelay({ args: SHORT_TIMERS });
});
afterEach(async () => {
  await person?.close();
  for (const program of programs.splice(0)) if (program.running) await program.kill9();
});
afterAll(() => relay.stop());

const start = (identity, ...args) => {
  const program = startCli({ relay, identity }, ...args);
  programs.push(program);
  return program;
};
const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
function makeFile(name, size) {
  const path = join(tempDir('pairlink-files-'), name);
  const bytes = randomBytes(size);
  writeFileSync(path, bytes);
  return { path, name, hash: sha(bytes), size };
}
const card = (name) => person.page.getByRole('article', { name, exact: true });
const state = (name, wanted) =>
  person.page.locator(`.message[data-kind="file"][data-state="${wanted}"]`, { has: card(name) }).waitFor();

test('send shows a code, the page takes it: 64 MiB, the relay killed midway', async () => {
  const file = makeFile('from-program.bin', 64 * MIB);
  const program = start(newIdentity(), 'send', file.path);
  const [, code] = await program.waitFor(CODE, { stream: 'stderr' });
  person = await openPerson(relay.http);
  await person.join(code);
  await card(file.name).getByRole('button', { name: 'Accept' }).click();
  await person.page.waitForFunction(
    () => Number(document.querySelector('.file [role=progressbar]')?.getAttribute('aria-valuenow')) >= 20,
  );
  await relay.restart({ hard: true });
  await state(file.name, 'saved');
  const [download] = await Promise.all([
    person.page.waitForEvent('download'),
    card(file.name)
      .getByRole('button', { name: `Save ${file.name}`, exact: true })
      .click(),
  ]);
  expect(sha(readFileSync(await download.path()))).toBe(file.hash);
  expect((await program.wait(60_000)).code, program.stderr).toBe(0);
});

test('a folder of send: the archive of the page has its times and its empty folders', async () => {
  const folder = join(tempDir('pairlink-files-'), 'album');
  mkdirSync(join(folder, 'empty'), { recursive: true });
  writeFileSync(join(folder, 'a.txt'), 'text');
  const at = new Date(2001, 1, 3, 4, 5, 6);
  utimesSync(join(folder, 'a.txt'), 0, at);
  const program = start(newIdentity(), 'send', folder);
  const [, code] = await program.waitFor(CODE, { stream: 'stderr' });
  person = await openPerson(relay.http);
  await person.join(code);
  await card('album').getByRole('button', { name: 'Accept' }).click();
  await state('album', 'saved');
  const [download] = await Promise.all([
    person.page.waitForEvent('download'),
    card('album').getByRole('button', { name: 'Save all' }).click(),
  ]);
  const entries = zipEntries(readFileSync(await download.path()));
  expect(entries.map(({ name, size }) => [name, size]).sort()).toEqual([
    ['album/a.txt', 4],
    ['album/empty/', 0],
  ]);
  expect(entries.find(({ name }) => name === 'album/a.txt').modified).toEqual(at);
  expect((await program.wait(60_000)).code, program.stderr).toBe(0);
});

test('the page shows a code, receive takes it: 64 MiB, the receiver killed and run again', async () => {
  const file = makeFile('from-page.bin', 64 * MIB);
  const into = tempDir('pairlink-into-');
  utimesSync(file.path, 0, 1_234_567_890);
  const identity = newIdentity();
  person = await openPerson(relay.http);
  const code = await person.inviteByCode();
  let program = start(identity, 'receive', '--into', into, '--yes', '--json');
  program.end(`${code}\n`);
  await person.here();
  await person.page.locator('.composer input[type=file]').first().setInputFiles(file.path);
  await person.page.waitForFunction(
    () => Number(document.querySelector('.file [role=progressbar]')?.getAttribute('aria-valuenow')) >= 20,
  );
  await program.kill9();
  program = start(identity, 'receive', '--into', into, '--yes', '--json');
  program.end();
  await state(file.name, 'saved');
  expect((await program.wait(60_000)).code, program.stderr).toBe(0);
  expect(sha(readFileSync(join(into, file.name)))).toBe(file.hash);
  expect(statSync(join(into, file.name)).mtimeMs).toBe(1_234_567_890_000);
});
