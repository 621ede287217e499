/** The protections against exploits that compiler and linker must put into every program. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BIN, binary, run } from '../support/process.js';

const readelf = async (option, path) => {
  const { code, stdout, stderr } = await run('readelf', ['--wide', option, path]);
  expect(code, stderr).toBe(0);
  return stdout;
};

describe.each([
  ['the relay', () => binary('pairlink-relay')],
  ['the program', () => binary('pairlink')],
  ['the library', () => join(BIN, '../lib/libpairlink.so')],
])('%s', (what, path) => {
  test('is loaded at a random address', async () => {
    expect(await readelf('--file-header', path())).toMatch(/Type:\s+DYN/);
    if (what !== 'the library') expect(await readelf('--dynamic', path())).toMatch(/\(FLAGS_1\).*\bPIE\b/);
  });

  test('has its function table bound at the start, and read-only', async () => {
    expect(await readelf('--dynamic', path())).toMatch(/\(FLAGS\).*\bBIND_NOW\b/);
    expect(await readelf('--program-headers', path())).toMatch(/GNU_RELRO/);
  });

  test('has a stack that cannot be executed, and no segment that can be both written and executed', async () => {
    const headers = await readelf('--program-headers', path());
    expect(headers).toMatch(/GNU_STACK.* RW /);
    expect(headers).not.toMatch(/\bRWE\b/);
  });

  test('detects overruns of the stack and of buffers of known size', async () => {
    const symbols = await readelf('--dyn-syms', path());
    expect(symbols).toMatch(/UND __stack_chk_fail\b/);
    expect(symbols).toMatch(/UND __memcpy_chk\b/);
    expect(symbols).toMatch(/UND __snprintf_chk\b/);
  });
});
