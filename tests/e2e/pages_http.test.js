/** How the relay answers the HTTP requests of browsers, proxies and programs for its page: RFC 9110 and 9112. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { rawHttp } from '../support/raw.js';
import { useRelay } from '../support/refusal_fixture.js';

const fixture = useRelay();

/** Sends one request and returns `{status, headers, body}`. */
async function ask(target, { method = 'GET', lines = [] } = {}) {
  const { port } = fixture.relay;
  const answer = await rawHttp(
    port,
    `${method} ${target} HTTP/1.1\r\n${[`Host: 127.0.0.1:${port}`, ...lines].join('\r\n')}\r\n\r\n`,
  );
  return { ...answer, text: answer.body.toString('utf8') };
}
const accepting = (value) => ({ lines: [`Accept-Encoding: ${value}`] });
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

describe('HEAD', () => {
  test.each([
    ['the page', '/', 200],
    ['/healthz', '/healthz', 200],
    ['what is not there', '/nothing', 404],
    ['the path of the relay', '/pairlink', 426],
    ['a bad target', '/../a', 400],
  ])('%s: as GET, without the body', async (_name, target, status) => {
    const got = await ask(target);
    const head = await ask(target, { method: 'HEAD' });
    expect(head.status).toBe(status);
    expect(head.headers).toEqual(got.headers);
    expect(head.body.length).toBe(0);
    expect(Number(head.headers['content-length'])).toBe(got.body.length);
    expect(got.body.length).toBeGreaterThan(0);
  });

  test('is among the allowed methods', async () => {
    expect((await ask('/', { method: 'POST' })).headers.allow).toBe('GET, HEAD');
    expect((await ask('/share', { method: 'POST' })).status).toBe(405);
  });
});

describe('the target', () => {
  test('may be a full URL of the same host', async () => {
    const { port } = fixture.relay;
    const plain = await ask('/');
    for (const target of [`http://127.0.0.1:${port}/`, `http://127.0.0.1:${port}`, `HTTP://127.0.0.1:${port}/?x=1`]) {
      const whole = await ask(target);
      expect(whole.status, target).toBe(200);
      expect(sha256(whole.body)).toBe(sha256(plain.body));
    }
    expect((await ask(`http://127.0.0.1:${port}/healthz`)).text).toBe('ok\n');
    expect((await ask('http://example.org/')).status).toBe(400);
  });

  test('is case-sensitive', async () => {
    for (const path of ['/HEALTHZ', '/Healthz', '/INDEX.html', '/Pairlink', '/PAIRLINK'])
      expect((await ask(path)).status, path).toBe(404);
    const upgrade = {
      lines: [
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
    };
    expect((await ask('/Pairlink', { lines: [...upgrade.lines, 'Sec-WebSocket-Protocol: pairlink.v1'] })).status).toBe(
      404,
    );
    expect((await ask('/pairlink', { lines: [...upgrade.lines, 'Sec-WebSocket-Protocol: PAIRLINK.V1'] })).status).toBe(
      400,
    );
  });
});

describe('codings', () => {
  const plain = async () => sha256((await ask('/')).body);
  const decoded = { br: brotliDecompressSync, gzip: gunzipSync };

  test.each([
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['gzip, br', 'br'],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['*;q=0, gzip;q=0.1', 'gzip'],
    ['gzip;q=0, br;q=0', undefined],
    ['deflate', undefined],
    ['', undefined],
    ['identity, *;q=0', undefined],
  ])('Accept-Encoding: %s gives %s', async (value, coding) => {
    const answer = await ask('/', accepting(value));
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBe(coding);
    expect(answer.headers.vary).toBe('Accept-Encoding');
    expect(sha256(coding ? decoded[coding](answer.body) : answer.body)).toBe(await plain());
  });

  test.each(['identity;q=0', '*;q=0', 'deflate, identity;q=0.000'])(
    'Accept-Encoding: %s can be met by nothing',
    async (value) => {
      const answer = await ask('/', accepting(value));
      expect(answer.status).toBe(406);
      expect(answer.headers.vary).toBe('Accept-Encoding');
    },
  );
});

describe('what a browser has already', () => {
  test('304 has the headers of the page, and none about a body', async () => {
    const page = await ask('/', accepting('br'));
    const { etag } = page.headers;
    expect((await ask('/', accepting('gzip'))).headers.etag).not.toBe(etag); // a coding has other bytes, so another tag
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await ask('/', { lines: [`If-None-Match: ${value}`, 'Accept-Encoding: br'] });
      expect(answer.status, value).toBe(304);
      expect(answer.body.length).toBe(0);
      for (const name of ['etag', 'cache-control', 'vary', 'content-security-policy'])
        expect(answer.headers[name], name).toBe(page.headers[name]);
      for (const name of Object.keys(answer.headers)) expect(name).not.toMatch(/^content-(type|length|encoding)$/);
    }
    for (const value of [etag.toUpperCase(), etag.slice(1, -1), '"other"', `"other", *`]) {
      if (value !== etag)
        expect((await ask('/', { lines: [`If-None-Match: ${value}`, 'Accept-Encoding: br'] })).status, value).toBe(200);
    }
  });
});

test('the page may connect only to its relay, and use only the devices that it needs', async () => {
  const { headers } = await ask('/');
  expect(headers['content-security-policy']).toMatch(/(^|; )connect-src 'self'(;|$)/);
  expect(headers['content-security-policy']).not.toMatch(/wss?:/);
  expect(headers['permissions-policy']).toMatch(/microphone=\(\)/);
  expect(headers['permissions-policy']).toMatch(/screen-wake-lock=\(self\)/); // while files are on their way
  expect(headers['permissions-policy']).toMatch(/camera=\(self\)/); // to scan codes
  expect(headers['strict-transport-security'], 'over plain HTTP it means nothing').toBeUndefined();
});

test('scripts and style sheets get only the headers that browsers look at there', async () => {
  const page = (await ask('/')).body.toString();
  for (const path of page.match(/\/assets\/[\w-]+\.(?:js|css)/g)) {
    const { status, headers } = await ask(path);
    expect(status).toBe(200);
    expect(headers['content-security-policy'], 'a worker has that of its own script').toMatch(/default-src 'none'/);
    expect(headers['x-content-type-options']).toBe('nosniff');
    for (const name of ['permissions-policy', 'cross-origin-opener-policy'])
      expect(headers[name], name).toBeUndefined();
  }
});
