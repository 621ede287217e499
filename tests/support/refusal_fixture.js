/**
 * One relay for a file of refusals. After every test it must still be the same process and serve others; at the end it
 * must stop with 0, without a word from a sanitizer.
 */
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { rawHttp } from './raw.js';
import { startRelay } from './relay.js';

export const SANITIZER_REPORT =
  /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Invalid (read|write)|uninitialised/;

export async function stillServes(relay) {
  const { status } = await rawHttp(
    relay.port,
    `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${relay.port}\r\nConnection: close\r\n\r\n`,
  );
  expect(status, 'GET /healthz').toBe(200);
}

/** Returns an object whose `relay` is set before the first test. */
export function useRelay(options = {}) {
  const fixture = {};
  beforeAll(async () => {
    fixture.relay = await startRelay(options);
    fixture.pid = fixture.relay.pid;
  });
  afterEach(async () => {
    expect(fixture.relay.process.running, fixture.relay.log).toBe(true);
    await stillServes(fixture.relay);
  });
  afterAll(async () => {
    if (!fixture.relay) return; // it did not start: said already
    const { code } = await fixture.relay.stop();
    expect(fixture.relay.log).not.toMatch(SANITIZER_REPORT);
    expect(code, fixture.relay.log).toBe(0);
  });
  return fixture;
}
