/** Nothing is left of a test run: vitest ends its workers with SIGTERM. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Program, until } from '../support/process.js';

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
