/** Starts the project's echo server for a test file: the relay's HTTP and framing code with an echo behind it. */
import { afterAll, beforeAll, expect } from 'vitest';
import { binary, start } from '../support/process.js';

export function useEcho() {
  const echo = {};
  beforeAll(async () => {
    echo.process = start(binary('pl-echo-server'), ['--listen', '127.0.0.1:0']);
    echo.port = Number((await echo.process.waitFor(/pl-echo-server ready ws:\/\/127\.0\.0\.1:(\d+)/))[1]);
    echo.url = `ws://127.0.0.1:${echo.port}/`;
  });
  afterAll(async () => {
    expect((await echo.process.stop()).code, echo.process.stderr).toBe(0);
  });
  return echo;
}

/** Checks the output of a program that prints "ok NAME" and "not ok NAME" lines: all must be ok, and at least `least`.
 */
export function judge({ code, stdout, stderr }, least) {
  const lines = stdout.split('\n').filter(Boolean);
  expect(
    lines.filter((line) => !line.startsWith('ok ')),
    stderr,
  ).toEqual([]);
  expect(lines.length, stdout).toBeGreaterThanOrEqual(least);
  expect(code, stderr).toBe(0);
}
