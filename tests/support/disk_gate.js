/**
 * Holds a program at the disk (tests/e2e/c/disk_hooks.c, preloaded).
 *
 *   const gate = await diskGate();
 *   const program = start(command, args, { env: gate.env });
 *   gate.lines()      what it has asked for so far: the call and the path        gate.asked()   how many
 *   gate.pass(n)      lets n of them through            gate.pass()     once something waits: lets all through
 */
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { binary, run, tempDir } from './process.js';

/**
 * @param {{what?: 'sync'|'write', each?: boolean}} [options]
 *   what: holds each sync, or each write. each: all is synced one by one
 */
export async function diskGate({ what = 'sync', each = false } = {}) {
  const dir = tempDir();
  const [fifo, log] = [join(dir, 'gate'), join(dir, 'log')];
  await run('mkfifo', [fifo]);
  writeFileSync(log, '');
  const env = { LD_PRELOAD: binary('disk_hooks.so'), PL_GATE_LOG: log };
  env[what === 'sync' ? 'PL_SYNC_GATE' : 'PL_WRITE_GATE'] = fifo;
  if (each) env.PL_NO_SYNCFS = '1';
  const fd = openSync(fifo, constants.O_RDWR);
  const lines = () => readFileSync(log, 'utf8').split('\n').slice(0, -1);
  const asked = () => lines().length;
  const pass = (n) => (n === undefined ? closeSync(fd) : writeSync(fd, '.'.repeat(n)));
  return { env, lines, asked, pass };
}
