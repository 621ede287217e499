/** Nothing is left of a test run: vitest ends its workers with SIGTERM, and programs that run in others end with them. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Program, once, until } from '../support/process.js';

const WORKER = `
  const { Program, tempDir } = await import('./tests/support/process.js');
  const child = new Program('tail', ['-f', '/dev/null']);
  console.log(JSON.stringify([tempDir(), child.child.pid]));
`;

test('a worker that is ended removes its folders and ends its programs', async () => {
  const worker = new Program('node', ['--input-type=module', '-e', WORKER]);
  await worker.waitFor(/\n/, { stream: 'stdout' });
  const [folder, pid] = JSON.parse(worker.stdout);
  expect([existsSync(folder), existsSync(`/proc/${pid}`)]).toEqual([true, true]);
  worker.child.kill('SIGTERM');
  await worker.wait();
  expect(existsSync(folder)).toBe(false);
  await until(() => !existsSync(`/proc/${pid}`), 'its program has ended');
});

test('a program that a script runs as its child ends when the script is stopped', async () => {
  const script = new Program('sh', ['-c', 'tail -f /dev/null & echo $!; wait; exit 0']);
  const pid = Number((await script.waitFor(/\d+\n/, { stream: 'stdout' }))[0]);
  expect(await script.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  await until(() => !existsSync(`/proc/${pid}`), 'its child has ended');
});

const POWERLESS = `
  const { Program } = await import('./tests/support/process.js');
  const child = new Program('tail', ['-f', '/dev/null']);
  process.setuid(65534);
  await child.stop().catch((error) => console.log(error.code + ' ' + child.pid));
  await child.wait();
`;

test.skipIf(process.getuid() !== 0)('a stop says that it may not end the program', async () => {
  const worker = new Program('node', ['--input-type=module', '-e', POWERLESS]);
  const [, pid] = await worker.waitFor(/^EPERM (\d+)\n/, { stream: 'stdout' });
  process.kill(Number(pid));
  expect((await worker.wait()).code, worker.stderr).toBe(0);
});

test('a wait says when the program has ended and something that it started has not', async () => {
  const script = new Program('sh', ['-c', 'tail -f /dev/null & exit 3']);
  await once(script.child, 'exit');
  await expect(script.wait(1)).rejects.toThrow('it has ended: {"code":3,"signal":null}');
  await script.kill9();
});
