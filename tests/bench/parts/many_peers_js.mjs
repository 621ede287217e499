/** What a message costs one client of JavaScript, by the number of its sessions. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { number, percent, ratio } from '../format.mjs';
import { GENERATOR_CORE, SERVER_CORE, START, orStop, pinned } from '../servers.mjs';
import { median, spread } from '../statistics.mjs';
import { binary, start, within } from '../../support/process.js';
import { MANY_LINKS } from './common.mjs';

/** A client with this many sessions; as many as the first number are busy in each case. */
const SESSIONS = [10, 1_000, 10_000];
const HUB = fileURLToPath(new URL('../peers/hub.mjs', import.meta.url));
const PATIENCE_MS = 180_000;

/** A process with one client (peers/hub.mjs). */
class Hub {
  constructor() {
    const [execPath, ...execArgv] = [...pinned(GENERATOR_CORE), process.execPath, '--expose-gc'];
    this.child = fork(HUB, { execPath, execArgv });
  }
  /** Sends an order and returns its answer. */
  ask(order) {
    const answer = new Promise((resolve, reject) => {
      this.child.once('message', resolve);
      this.child.once('exit', (code) => reject(new Error(`peers/hub.mjs ended with ${code}`)));
    });
    this.child.send(order);
    return within(answer, 'answer of peers/hub.mjs', PATIENCE_MS);
  }
  stop() {
    this.child.removeAllListeners('exit');
    this.child.kill('SIGKILL');
  }
}

/** Starts that many peers that return each message. Returns their IDs. */
async function startEcho(server, count) {
  const [head, ...rest] = [...pinned(SERVER_CORE), binary('pl-bench-peers'), 'echo', server.port, count];
  const echo = start(head, rest.map(String));
  await orStop([{ stop: () => echo.kill9() }], () => echo.waitFor(/^ready$/m, { ms: PATIENCE_MS }));
  return { echo, ids: echo.stdout.split('\n').slice(0, count) };
}

/** Lets one client of each size work by turns, while the others are linked and idle. `counts` are smaller in tests. */
async function manyPeersJs({ rounds, messages, quick, progress, counts }) {
  const sizes = counts ?? (quick ? [10, 100, 1_000] : SESSIONS);
  const server = await START.pairlink({ args: MANY_LINKS });
  const hubs = [];
  let peers;
  try {
    for (let i = 0; i < sizes.length; i++) hubs.push(new Hub());
    peers = await startEcho(server, sizes.at(-1));
    const memory = [];
    for (const [i, size] of sizes.entries()) {
      progress?.(`many peers of a client of JavaScript: ${size}`);
      const { memory_bytes: bytes } = await hubs[i].ask({
        url: `http://127.0.0.1:${server.port}`,
        ids: peers.ids.slice(0, size),
        busy: sizes[0],
      });
      memory.push(bytes);
    }
    for (const hub of hubs) await hub.ask({ messages }); // V8 compiles first
    const rows = sizes.map(() => []);
    for (let round = 0; round < rounds; round++)
      for (const [i, hub] of hubs.entries()) rows[i].push((await hub.ask({ messages })).cpu_us);
    const cpu = rows.map(median);
    return {
      sessions: sizes,
      cpu_us: cpu,
      cpu_spread: Math.max(...rows.map(spread)),
      cpu_apart: Math.max(...cpu) / Math.min(...cpu),
      session_bytes: (memory.at(-1) - memory[0]) / (sizes.at(-1) - sizes[0]),
    };
  } finally {
    for (const hub of hubs) hub.stop();
    await peers?.echo.kill9();
    await server.stop();
  }
}

export const MANY_PEERS_JS = {
  name: 'many_peers_js',
  group: 'programs',
  needs: 90,
  measure: (options) =>
    manyPeersJs({ ...options, rounds: Math.max(3, options.rounds), messages: options.messages ?? 10_000 }),
  targets: (f) => [
    {
      what: 'CPU of a message of 10 busy sessions in JavaScript, 10 to 10,000 in the client',
      reached: f.cpu_apart,
      limit: 1.2,
    },
  ],
  lines: (f) => [
    `One client of JavaScript in Node with ${f.sessions.map((n) => number(n)).join(', ')} sessions, of which ${f.sessions[0]} are busy: a message of 64 bytes there and back takes ${f.cpu_us.map((v) => number(v)).join(', ')} µs of its CPU (${ratio(f.cpu_apart)} apart, rounds ${percent(f.cpu_spread)}). A linked session takes ${number(f.session_bytes / 1e3)} KB of memory.`,
  ],
};
