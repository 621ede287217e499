/**
 * The servers of the benchmark, each pinned to the first core. A server is measured under one or more labels, which
 * differ in what the generator sends: `batched_input` in the output says whether it put several messages into one
 * WebSocket message.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRelay } from '../support/relay.js';
import { BIN, ROOT, binary, start, tempDir } from '../support/process.js';

const HERE = dirname(fileURLToPath(import.meta.url));
export const SERVER_CORE = 0;
export const GENERATOR_CORE = 1;

/** Returns `taskset -c CORE` where there is more than one core. */
export const pinned = (core) => (canPin && core !== null ? ['taskset', '-c', String(core)] : []);
const canPin = (() => {
  try {
    return (
      Number(execFileSync('nproc').toString()) > 1 &&
      execFileSync('taskset', ['-c', String(GENERATOR_CORE), 'true']) !== null
    );
  } catch {
    return false;
  }
})();
export const isPinned = canPin;

const allowed = (command) => {
  try {
    execFileSync(command[0], [...command.slice(1), 'true'], { stdio: 'ignore' });
    return command;
  } catch {
    return [];
  }
};
/** Returns a command that runs a program ahead of all ordinary ones, or nothing where that is not allowed. */
export const urgent = () => allowed(['chrt', '-f', '1']);
/** Returns a command that runs a program only while the core has nothing else to do. */
export const leisurely = () => allowed(['chrt', '-i', '0']);

/** Starts a program. `stop` of the result kills it, and `end` lets it end by itself. */
async function program(
  command,
  args,
  ready,
  { port = (match) => Number(match[1]), cores = SERVER_CORE, before = [] } = {},
) {
  const [head, ...rest] = [...pinned(cores), ...before, command, ...args];
  const child = start(head, rest);
  const match = await child.waitFor(ready);
  return { pid: child.pid, port: port(match), stop: () => child.kill9(), end: () => child.stop() };
}

/** Returns true when the relay has this option. */
export const relayKnows = (flag) => execFileSync(binary('pairlink-relay'), ['--help']).toString().includes(flag);
/** Returns further arguments of the measured relay, which has one worker by default. */
const relayArgs = (extra = []) => [
  ...(relayKnows('--workers') && !extra.includes('--workers') ? ['--workers', '1'] : []),
  ...extra,
];

/** Starts a relay. `limit` is the number of files it may open, `before` a command that runs it. */
async function relay({ args = [], cores = SERVER_CORE, limit, before = [], ...options } = {}) {
  const wrap = [...pinned(cores), ...before, ...(limit ? ['prlimit', `--nofile=${limit}:${limit}`] : [])];
  const it = await startRelay({ args: relayArgs(args), wrap, ...options });
  return { pid: it.pid, port: it.port, relay: it, stop: () => it.kill9(), end: () => it.stop() };
}

/** Makes a key and a certificate for 127.0.0.1, for this run. */
export function certificate() {
  const dir = tempDir('pairlink-bench-');
  const files = { key: join(dir, 'key.pem'), cert: join(dir, 'cert.pem') };
  if (!existsSync(files.key))
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout',
        files.key,
        '-out',
        files.cert,
      ],
      { stdio: 'ignore' },
    );
  return files;
}

export const START = {
  raw: (options) => program(binary('pl-bench-raw'), ['0'], /^ready (\d+)/m, options),
  ws: () => program(process.execPath, [join(HERE, 'ws_relay.mjs')], /^ready (\d+)/m),
  socketio: () => program(process.execPath, [join(HERE, 'socketio_relay.mjs')], /^ready (\d+)/m),
  nats: () =>
    program(
      'nats-server',
      ['-c', join(HERE, 'nats.conf')],
      /websocket clients on ws:\/\/127\.0\.0\.1:(\d+)[^]*Server is ready/,
    ),
  pairlink: (options) => relay(options),
  uws: () => program(binary('pl-bench-uws'), [], /^ready (\d+)/m),
  'uws-tls': () => {
    const { key, cert } = certificate();
    return program(binary('pl-bench-uws'), [key, cert], /^ready (\d+)/m);
  },
  'pairlink-tls': (options = {}) => {
    const { key, cert } = certificate();
    return relay({ tls: true, ...options, args: ['--tls-cert', cert, '--tls-key', key, ...(options.args ?? [])] });
  },
};

/** label → its process, its dialect and further arguments of the generator */
export const LABELS = {
  raw: { start: 'raw', dialect: 'raw', about: 'TCP forwarder that looks at nothing: the limit' },
  pairlink: {
    start: 'pairlink',
    dialect: 'pairlink',
    about: 'this relay; envelopes that are due share a message, as its clients do',
  },
  'pairlink-single': {
    start: 'pairlink',
    dialect: 'pairlink',
    args: ['--batch', 'off'],
    about: 'this relay; a message for each envelope',
  },
  'pairlink-tls': { start: 'pairlink-tls', dialect: 'pairlink', args: ['--tls'], about: 'this relay over TLS' },
  ws: {
    start: 'ws',
    dialect: 'ws',
    about: 'npm ws, a relay of 40 lines; a message for each envelope, as its clients do',
  },
  'ws-batched': {
    start: 'ws',
    dialect: 'ws',
    args: ['--batch', 'on'],
    about: 'the same; envelopes that are due share a message',
  },
  socketio: {
    start: 'socketio',
    dialect: 'socketio',
    about: 'Socket.IO, binary events, WebSocket only; an event for each envelope',
  },
  nats: {
    start: 'nats',
    dialect: 'nats',
    about: 'nats-server over its WebSocket; commands that are due share a message, as its clients do',
  },
  uws: {
    start: 'uws',
    dialect: 'ws',
    about: 'uWebSockets, a relay that writes once per socket and turn; a message for each envelope',
  },
  'uws-tls': { start: 'uws-tls', dialect: 'ws', args: ['--tls'], about: 'the same over TLS' },
};

/** Returns true when the program of this label is there: uWebSockets is built only where its sources are. */
export const isThere = (label) => !LABELS[label].start.startsWith('uws') || existsSync(join(BIN, 'pl-bench-uws'));

/** Returns what `use` returns. When it fails, ends the servers that were started for it. */
export async function orStop(servers, use) {
  try {
    return await use();
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

/**
 * Runs the generator against a server. Returns the last line of its output, parsed.
 *
 * `onLine(line, isRunning)` is called with the first line and awaited; `isRunning()` says whether the generator still
 * runs. `before` is a command that runs the generator.
 */
export async function load(server, label, args, { ms = 180_000, onLine, before = [] } = {}) {
  const { dialect, args: own = [] } = LABELS[label];
  const all = ['--server', dialect, '--label', label, '--port', server.port, '--pid', server.pid, ...own, ...args].map(
    String,
  );
  const [head, ...rest] = [...pinned(GENERATOR_CORE), ...before, binary('pl-bench-load'), ...all];
  const child = start(head, rest);
  child.end();
  let code;
  try {
    if (onLine) {
      await child.waitFor(/^\{.*\}$/m, { ms });
      await onLine(JSON.parse(child.stdout.split('\n')[0]), () => child.running);
    }
    ({ code } = await child.wait(ms));
  } finally {
    if (child.running) await child.kill9();
  }
  const lines = child.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  if (code !== 0 || lines.length === 0)
    throw new Error(`pl-bench-load ${all.join(' ')} ended with ${code}: ${child.stderr.trim()}`);
  return lines.at(-1);
}

function versionOf(command, args, pattern) {
  try {
    return (
      execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
        .toString()
        .match(pattern)?.[1] ?? null
    );
  } catch {
    return null;
  }
}
const npmVersion = (name) => JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version;

export function versions() {
  return {
    pairlink: versionOf(join(BIN, 'pairlink-relay'), ['--version'], /(\d\S*)/),
    commit: versionOf('git', ['-C', ROOT, 'rev-parse', '--short', 'HEAD'], /(\S+)/),
    node: process.versions.node,
    ws: npmVersion('ws'),
    'socket.io': npmVersion('socket.io'),
    'nats-server': versionOf('nats-server', ['--version'], /v?(\d\S*)/),
  };
}
