/** HTTP that the relay must refuse with a clear error or a closed socket, while it keeps serving others. */
import { describe, expect, test } from 'vitest';
import { connectRaw, connectWebSocket, rawHttp, upgradeRequest } from '../support/raw.js';
import { HTTP_CASES } from '../support/refusal_cases.js';
import { stillServes, useRelay } from '../support/refusal_fixture.js';

const fixture = useRelay();

describe('refused', () => {
  for (const { name, bytes, status } of HTTP_CASES) {
    test(name, async () => {
      const response = await rawHttp(fixture.relay.port, bytes(fixture.relay.port));
      expect(response.head).not.toMatch(/ 101 /);
      expect(response.status === 0 || (response.status >= 400 && response.status < 600), response.head).toBe(true);
      expect(response.body.toString('latin1')).not.toContain('root:');
      if (status) expect(response.status).toBe(status);
    });
  }
});

describe('served', () => {
  test('an upgrade without an Origin, as programs send it', async () => {
    const raw = await connectWebSocket(fixture.relay.port);
    expect(raw.upgrade.headers['sec-websocket-protocol']).toBe('pairlink.v1');
    raw.destroy();
  });

  test("an upgrade from the relay's own page", async () => {
    const { port } = fixture.relay;
    (await connectWebSocket(port, { lines: [`Origin: http://127.0.0.1:${port}`] })).destroy();
  });

  test('an upgrade under the name localhost', async () => {
    const { port } = fixture.relay;
    (
      await connectWebSocket(port, {
        headers: { Host: `localhost:${port}` },
        lines: [`Origin: http://localhost:${port}`],
      })
    ).destroy();
  });

  test('a request that arrives byte by byte', async () => {
    const raw = await connectRaw(fixture.relay.port);
    raw.socket.setNoDelay(true);
    for (const byte of upgradeRequest(fixture.relay.port)) {
      raw.send(byte);
      await new Promise(setImmediate);
    }
    expect((await raw.response()).status).toBe(101);
    raw.destroy();
  });

  test('a forged X-Forwarded-For has no effect and is not logged', async () => {
    const raw = await connectWebSocket(fixture.relay.port, {
      lines: ['X-Forwarded-For: 203.0.113.77', 'Forwarded: for=203.0.113.77'],
    });
    raw.destroy();
    await stillServes(fixture.relay);
    expect(fixture.relay.log).not.toContain('203.0.113.77');
  });
});

test('two hundred slow requests do not keep others from being served', async () => {
  const { port } = fixture.relay;
  const slow = await Promise.all(Array.from({ length: 200 }, () => connectRaw(port)));
  for (const raw of slow) raw.send('GET / HTTP/1.1\r\nHost: x\r\nX: ');
  await stillServes(fixture.relay);
  const raw = await connectWebSocket(port);
  raw.destroy();
  for (const one of slow) one.destroy();
});
