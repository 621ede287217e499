/**
 * Instructions of the hot paths, counted by callgrind. Unlike times, they hardly differ from run to run or by what else
 * the machine does. Each figure is a difference: a program does the same twice, with more messages the second time, and
 * what both runs have in common (the start, the logins) drops out.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { number } from '../format.mjs';
import { LABELS, START, load } from '../servers.mjs';
import { binary, run, start, tempDir } from '../../support/process.js';
import { PATIENT } from './common.mjs';

const PLAIN = ['raw', 'pairlink'];
const ALL = [...PLAIN, 'pairlink-tls'];
/** name → the cell, and the servers that are counted in it */
const CELLS = {
  '50 × 1, 64 B': { pairs: 50, window: 1, size: 64, servers: ALL },
  '50 × 16, 64 B': { pairs: 50, window: 16, size: 64, servers: ALL },
  '50 × 16, 1 KiB': { pairs: 50, window: 16, size: 1024, servers: PLAIN },
  '50 × 16, 16 KiB': { pairs: 50, window: 16, size: 16_384, servers: ALL },
  '500 × 4, 64 B': { pairs: 500, window: 4, size: 64, servers: PLAIN },
};
const LOGINS = 300;
const MESSAGES = 4_000;
/** Of the shorter run. By then, what only the first messages cost is paid. */
const MESSAGES_FEW = 100;
const PATIENCE_MS = 120_000;
/** A program runs fifty times slower while it is counted, and some of the relay's limits are times. */
const SLOWLY = ['LOGIN_TIMEOUT_MS=600000', 'OPEN_TIMEOUT_MS=60000'].flatMap((limit) => ['--limit', limit]);

function missing() {
  try {
    execFileSync('valgrind', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'valgrind';
  }
}

/** Returns the command that counts a program's instructions, and what reads the count after its end. */
function counter() {
  const file = join(tempDir('pairlink-bench-'), 'callgrind.out');
  return {
    command: ['valgrind', '--quiet', '--tool=callgrind', `--callgrind-out-file=${file}`],
    count: () => Number(/^totals: (\d+)/m.exec(readFileSync(file, 'utf8'))[1]),
  };
}

/** Runs `use` with a server. Returns the server's instructions and what `use` returned. */
async function counted(label, use) {
  const { command, count } = counter();
  const server = await START[LABELS[label].start]({ before: command, args: SLOWLY });
  let figures;
  try {
    figures = await use(server);
  } finally {
    await server.end();
  }
  return { instructions: count(), figures };
}

async function cellOf(label, { pairs, window, size }, seconds) {
  const args = ['--pairs', pairs, '--window', window, '--size', size, '--seconds', seconds, '--warmup', 0, ...PATIENT];
  const { instructions, figures } = await counted(label, (server) => load(server, label, args));
  return { instructions, envelopes: figures.envelopes };
}

/** Returns the instructions of the server for one envelope. A busy machine forwards fewer in the same time, so the
 * second run is five times as long. */
async function ofEnvelope(label, cell, seconds) {
  const short = await cellOf(label, cell, seconds / 4);
  const long = await cellOf(label, cell, seconds + seconds / 4);
  return (long.instructions - short.instructions) / (long.envelopes - short.envelopes);
}

/** Returns the relay's instructions for the login of a new ID and for the end of its socket, and of a known one. */
async function ofLogins(logins) {
  const storm = (count, more = []) =>
    counted('pairlink', (server) => load(server, 'pairlink', ['--storm', count, ...more, ...PATIENT]));
  const [few, many, again] = [await storm(logins), await storm(2 * logins), await storm(logins, ['--again'])];
  return {
    new_id: (many.instructions - few.instructions) / logins,
    known_id: (again.instructions - few.instructions) / logins,
  };
}

/** Returns a client's instructions for a message of 64 bytes there and back, with one of its `sessions` busy at a time. */
async function ofMessage(sessions, messages) {
  const totals = [];
  for (const count of [MESSAGES_FEW, MESSAGES_FEW + messages]) {
    const server = await START.pairlink({});
    let echo;
    try {
      echo = start(binary('pl-bench-peers'), ['echo', String(server.port), String(sessions)]);
      await echo.waitFor(/^ready$/m, { ms: PATIENCE_MS });
      const { command, count: instructions } = counter();
      const url = `http://127.0.0.1:${server.port}`;
      const args = ['hub', url, tempDir('pairlink-bench-'), 1, 0, PATIENCE_MS / 1e3, count, server.pid].map(String);
      const [head, ...rest] = [...command, binary('pl-bench-peers'), ...args];
      const { code, stderr } = await run(head, rest, { input: echo.stdout, ms: PATIENCE_MS });
      if (code !== 0) throw new Error(`pl-bench-peers ${args.join(' ')} ended with ${code}: ${stderr}`);
      totals.push(instructions());
    } finally {
      await echo?.kill9();
      await server.stop();
    }
  }
  return (totals[1] - totals[0]) / messages;
}

async function measure({ progress, cells = CELLS, span = 1, logins = LOGINS, messages = MESSAGES, sessions = 10 }) {
  const figures = { envelope: {}, sessions };
  for (const [name, cell] of Object.entries(cells)) {
    figures.envelope[name] = {};
    for (const label of cell.servers) {
      progress?.(`instructions: ${name}, ${label}`);
      figures.envelope[name][label] = await ofEnvelope(label, cell, span);
    }
  }
  progress?.('instructions: logins');
  figures.login = await ofLogins(logins);
  progress?.('instructions: messages of a client');
  figures.message = await ofMessage(sessions, messages);
  return figures;
}

const count = (value) => number(Math.round(value));
const cellText = ([name, of]) =>
  `${name}: ${Object.entries(of)
    .map(([label, value]) => `${label} ${count(value)}`)
    .join(', ')}`;

export const INSTRUCTIONS = {
  name: 'instructions',
  needs: 150,
  missing,
  measure,
  targets: () => [],
  lines: (f) => [
    `Instructions for an envelope, counted by callgrind: ${Object.entries(f.envelope).map(cellText).join('; ')}.`,
    `Instructions of the relay for a login and the end of its socket: new ID ${count(f.login.new_id)}, known ID ${count(f.login.known_id)}. Of a client with ${f.sessions} sessions, for a message of 64 bytes there and back: ${count(f.message)}.`,
  ],
};
