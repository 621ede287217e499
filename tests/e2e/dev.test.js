/** When a step of `./dev` fails, it names the step, stops there, and does not count the step as done the next time. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run, tempDir } from '../support/process.js';

/** Makes a checkout with only what the first steps need, and an npm whose `ci` fails. */
function brokenCheckout() {
  const root = tempDir();
  for (const file of ['dev', 'package.json', 'package-lock.json']) copyFileSync(file, join(root, file));
  const bin = join(root, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'npm'),
    '#!/bin/sh\n[ "$1" = --version ] && echo 10.0.0 && exit 0\n' +
      'mkdir -p node_modules\necho "npm error network" >&2\nexit 1\n',
  );
  chmodSync(join(bin, 'npm'), 0o755);
  return { root, dev: (...args) => run(join(root, 'dev'), args, { env: { PATH: `${bin}:${process.env.PATH}` } }) };
}

describe('npm ci fails', () => {
  test.each(['build', 'run'])('./dev %s says so and stops, each time', async (command) => {
    const { root, dev } = brokenCheckout();
    for (let i = 0; i < 2; i++) {
      const { code, stdout, stderr } = await dev(command);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain('npm error network');
      expect(stderr).toContain('dev: npm ci could not install the JavaScript packages');
      expect(stderr).not.toContain('Building');
      expect(existsSync(join(root, 'node_modules/.package-lock.json'))).toBe(false);
    }
  });
});
