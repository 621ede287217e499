/**
 * What strangers may send and the relay must refuse, as data: docs/security.md names the same cases. The suites run
 * each as one test against the release and the AddressSanitizer build, and all in a row under valgrind.
 */
import { randomBytes } from 'node:crypto';
import { frame, upgradeRequest } from './raw.js';

const key = () => randomBytes(16).toString('base64');
const get = (port, lines, path = '/') =>
  `GET ${path} HTTP/1.1\r\n${['Host: 127.0.0.1:' + port, ...lines].join('\r\n')}\r\n\r\n`;
const up = (options) => (port) => upgradeRequest(port, options);

/** Each is sent on a fresh socket: no 101, no 2xx, and the relay ends the connection. `status`, when one is due. */
export const HTTP_CASES = [
  // Upgrades to something else: other servers have code behind that door.
  [
    'upgrade to h2c',
    (port) => get(port, ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAAP__']),
  ],
  [
    'upgrade to h2c on the path of the relay',
    up({ headers: { Upgrade: 'h2c' }, lines: ['HTTP2-Settings: AAMAAABkAAQAAP__'] }),
  ],
  [
    'upgrade to h2c and websocket at once',
    up({ headers: { Upgrade: 'h2c, websocket' }, lines: ['HTTP2-Settings: AAMAAABkAAQAAP__'] }),
  ],
  ['upgrade to something unknown', up({ headers: { Upgrade: 'teleport' } })],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  // The handshake of RFC 6455.
  ['WebSocket version 12', up({ headers: { 'Sec-WebSocket-Version': '12' } }), 426],
  ['no WebSocket version', up({ headers: { 'Sec-WebSocket-Version': null } })],
  ['two WebSocket versions', up({ lines: ['Sec-WebSocket-Version: 13'] })],
  ['no key', up({ headers: { 'Sec-WebSocket-Key': null } })],
  ['an empty key', up({ headers: { 'Sec-WebSocket-Key': '' } })],
  ['a short key', up({ headers: { 'Sec-WebSocket-Key': 'AAAA' } })],
  ['a long key', up({ headers: { 'Sec-WebSocket-Key': 'A'.repeat(64) } })],
  ['a key that is no base64', up({ headers: { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!==' } })],
  ['two keys', up({ lines: ['Sec-WebSocket-Key: ' + key()] })],
  ['an upgrade without Connection', up({ headers: { Connection: null } })],
  ['another path', up({ path: '/elsewhere' })],
  ['another subprotocol', up({ headers: { 'Sec-WebSocket-Protocol': 'chat' } })],
  ['no subprotocol', up({ headers: { 'Sec-WebSocket-Protocol': null } })],
  // Methods and versions.
  ['POST', (port) => `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 0\r\n\r\n`, 405],
  ['POST upgrade', up({ method: 'POST' }), 405],
  ['PUT', (port) => `PUT / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, 405],
  ['CONNECT', (port) => `CONNECT example.org:443 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
  ['TRACE', (port) => `TRACE / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
  ['HEAD of an upgrade', up({ method: 'HEAD' }), 400],
  ['HEAD with a body', (port) => `HEAD / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 4\r\n\r\nbody`, 413],
  [
    'a form of another site for /share',
    (port) =>
      `POST /share HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: https://example.org\r\nContent-Length: 0\r\n\r\n`,
    405,
  ],
  ['a method in small letters', (port) => `get / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
  ['an upgrade by HTTP/1.0', up({ version: 'HTTP/1.0' })],
  ['HTTP/1.2', up({ version: 'HTTP/1.2' })],
  ['HTTP/9.9', up({ version: 'HTTP/9.9' })],
  ['no HTTP version', () => 'GET /\r\n\r\n'],
  ['an address of another host as target', (port) => get(port, [], 'http://example.org/'), 400],
  ['an address of another port as target', (port) => get(port, [], `http://127.0.0.1:${port ^ 1}/`), 400],
  ['an address without a host as target', (port) => get(port, [], 'http:///'), 400],
  ['an address with a name before the host', (port) => get(port, [], `http://admin@127.0.0.1:${port}/`), 400],
  ['a path upwards in an address', (port) => get(port, [], `http://127.0.0.1:${port}/../../etc/passwd`), 400],
  ['no Host', up({ headers: { Host: null } }), 400],
  ['two Hosts', up({ lines: ['Host: example.org'] }), 400],
  // Origins: by default only the relay's own.
  ['a foreign Origin', up({ lines: ['Origin: https://example.org'] }), 403],
  ['the Origin null', up({ lines: ['Origin: null'] }), 403],
  ['an Origin of the same host and another port', up({ lines: ['Origin: http://127.0.0.1:1'] }), 403],
  [
    'an Origin that only begins like the host',
    (port) => upgradeRequest(port, { lines: [`Origin: http://127.0.0.1:${port}.example.org`] }),
    403,
  ],
  [
    'two Origins',
    (port) => upgradeRequest(port, { lines: [`Origin: http://127.0.0.1:${port}`, 'Origin: https://example.org'] }),
  ],
  // Bodies: GET has none here.
  ['Content-Length below zero', (port) => get(port, ['Content-Length: -1'])],
  ['Content-Length that is no number', (port) => get(port, ['Content-Length: 0x10'])],
  ['an enormous Content-Length', (port) => get(port, ['Content-Length: 99999999999999999999'])],
  [
    'Content-Length with chunked',
    (port) => get(port, ['Content-Length: 4', 'Transfer-Encoding: chunked']) + '0\r\n\r\n',
  ],
  ['a chunked body', (port) => get(port, ['Transfer-Encoding: chunked']) + '0\r\n\r\n'],
  ['a body on an upgrade', (port) => upgradeRequest(port, { lines: ['Content-Length: 5'] }) + 'hello'],
  ['Expect: 100-continue', (port) => get(port, ['Expect: 100-continue', 'Content-Length: 4'])],
  // Odd bytes.
  ['NUL in a header', (port) => get(port, ['X: a\0b'])],
  ['NUL in the target', (port) => get(port, [], '/a\0b')],
  ['a bare line feed', (port) => `GET / HTTP/1.1\nHost: 127.0.0.1:${port}\n\n`],
  ['a bare line feed between headers', (port) => `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\nX: y\r\n\r\n`],
  ['a bare carriage return', (port) => get(port, ['X: a\rb'])],
  ['a folded header', (port) => get(port, ['X: a', ' b'])],
  ['a space before the colon', (port) => get(port, ['X : a'])],
  ['a header without a name', (port) => get(port, [': a'])],
  ['a header without a colon', (port) => get(port, ['nonsense'])],
  ['two spaces in the request line', (port) => `GET  / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
  ['a request line that begins with a space', (port) => ` GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
  ['bytes above 127 in the target', (port) => Buffer.from(get(port, [], '/\xff\xfe'), 'latin1')],
  ['a TLS hello on a plain port', () => Buffer.from('16030100e4010000e00303' + '00'.repeat(200), 'hex')],
  ['random bytes', () => Buffer.concat([randomBytes(2000), Buffer.from('\r\n\r\n')])],
  // Sizes.
  ['64 KiB of one header', (port) => get(port, ['X: ' + 'a'.repeat(65536)])],
  [
    '64 KiB of headers',
    (port) =>
      get(
        port,
        Array.from({ length: 64 }, (_, i) => `X-${i}: ${'a'.repeat(1000)}`),
      ),
  ],
  [
    'a thousand headers',
    (port) =>
      get(
        port,
        Array.from({ length: 1000 }, (_, i) => `X-${i}: a`),
      ),
  ],
  ['a target of 64 KiB', (port) => get(port, [], '/' + 'a'.repeat(65536))],
  ['a request line without an end', () => 'GET /' + 'a'.repeat(100_000)],
  // Paths: only what is compiled in is served.
  ['a path upwards', (port) => get(port, [], '/../../../../etc/passwd')],
  ['a path upwards, encoded', (port) => get(port, [], '/%2e%2e/%2e%2e/%2e%2e/etc/passwd')],
  ['a path upwards with encoded slashes', (port) => get(port, [], '/..%2f..%2f..%2fetc%2fpasswd')],
  ['a path upwards with backslashes', (port) => get(port, [], '/..\\..\\..\\etc\\passwd')],
  ['two slashes', (port) => get(port, [], '//etc/passwd')],
  ['an encoded NUL', (port) => get(port, [], '/index.html%00.js')],
  ['a broken escape', (port) => get(port, [], '/%zz')],
].map(([name, bytes, status]) => ({ name, bytes, status }));

const binary = (n) => Buffer.alloc(n, 0x80); // read as envelopes: a skippable type, were it whole

/** Each is sent after a good upgrade: the relay closes, with one of `codes` (null: it may also just end it). */
export const WEBSOCKET_CASES = [
  ['a text message', () => [frame(1, 'hello')], [1003]],
  ['an empty text message', () => [frame(1)], [1003]],
  ['reserved bit 1', () => [frame(2, binary(8), { rsv: 4 })], [1002]],
  ['reserved bit 2', () => [frame(2, binary(8), { rsv: 2 })], [1002]],
  ['reserved bit 3', () => [frame(2, binary(8), { rsv: 1 })], [1002]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => [
    `reserved opcode ${opcode}`,
    () => [frame(opcode, binary(8))],
    [1002],
  ]),
  ['a frame without a mask', () => [frame(2, binary(8), { mask: false })], [1002]],
  ['a ping without a mask', () => [frame(9, 'x', { mask: false })], [1002]],
  ['16 bits for a length of 5', () => [frame(2, binary(5), { form: 16 })], [1002]],
  ['64 bits for a length of 5', () => [frame(2, binary(5), { form: 64 })], [1002]],
  ['64 bits for a length of 300', () => [frame(2, binary(300), { form: 64 })], [1002]],
  ['a length with its highest bit set', () => [frame(2, binary(4), { length: 1n << 63n, form: 64 })], [1002, 1009]],
  ['the greatest length there is', () => [frame(2, binary(4), { length: (1n << 64n) - 1n, form: 64 })], [1002, 1009]],
  ['a terabyte, said in the header', () => [frame(2, binary(4), { length: 1n << 40n, form: 64 })], [1009]],
  [
    'one byte over the greatest message',
    ({ messageMax }) => [frame(2, binary(4), { length: messageMax + 1, form: 64 })],
    [1009],
  ],
  [
    'fragments that together are too long',
    ({ messageMax }) => [frame(2, binary(messageMax - 8), { fin: false }), frame(0, binary(9))],
    [1009],
  ],
  [
    'fragments without an end',
    ({ messageMax }) => [
      frame(2, binary(1000), { fin: false }),
      ...Array.from({ length: Math.ceil(messageMax / 1000) }, () => frame(0, binary(1000), { fin: false })),
    ],
    [1009],
  ],
  ['a continuation of nothing', () => [frame(0, binary(8))], [1002]],
  ['a new message within a message', () => [frame(2, binary(8), { fin: false }), frame(2, binary(8))], [1002]],
  ['a ping in fragments', () => [frame(9, 'x', { fin: false })], [1002]],
  ['a close in fragments', () => [frame(8, Buffer.from([3, 232]), { fin: false })], [1002]],
  ['a ping of 126 bytes', () => [frame(9, Buffer.alloc(126))], [1002]],
  ['a close of one byte', () => [frame(8, Buffer.from([3]))], [1002]],
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535].map((code) => [
    `close code ${code}`,
    () => [frame(8, Buffer.from([code >> 8, code & 255]))],
    [1002],
  ]),
  ['a close reason that is no UTF-8', () => [frame(8, Buffer.from([3, 232, 0xff, 0xfe]))], [1002, 1007]],
  ['close upon close', () => Array.from({ length: 100 }, () => frame(8, Buffer.from([3, 232]))), [1000]],
  ['bytes after a close', () => [frame(8, Buffer.from([3, 232])), randomBytes(5000)], [1000]],
].map(([name, frames, codes]) => ({ name, frames, codes }));
