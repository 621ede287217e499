/** The programs that tests start: one that cannot be started says so, wherever a test asks about it. */
import { expect, test } from 'vitest';
import { run, start } from '../support/process.js';

const NOWHERE = '/nowhere/pairlink';
const CLEAR = /^could not start \/nowhere\/pairlink --help: .*ENOENT/;

test('a program that cannot be started says why', async () => {
  await expect(run(NOWHERE, ['--help'])).rejects.toThrow(CLEAR);
  const program = start(NOWHERE, ['--help']);
  expect(program.running).toBe(false);
  await expect(program.waitFor('usage')).rejects.toThrow(CLEAR);
  await expect(program.waitFor('usage')).rejects.toThrow(CLEAR); // also later
  for (const end of [() => program.stop(), () => program.kill9(), () => program.wait()])
    await expect(end()).rejects.toThrow(CLEAR);
  program.signal('SIGTERM');
  program.signalGroup('SIGTERM');
});

test('a program that ended takes signals without an error', async () => {
  const program = start(process.execPath, ['-e', '']);
  expect(await program.wait()).toEqual({ code: 0, signal: null });
  program.signal('SIGTERM');
  program.signalGroup('SIGTERM');
  expect(program.running).toBe(false);
});
