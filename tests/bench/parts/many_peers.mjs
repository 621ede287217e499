/** What one client with many peers costs, and one program with many clients. */
import { number, ratio } from '../format.mjs';
import { GENERATOR_CORE, SERVER_CORE, START, pinned } from '../servers.mjs';
import { median, spread } from '../statistics.mjs';
import { binary, run, start, tempDir } from '../../support/process.js';
import { MANY_LINKS } from './common.mjs';

/** A client with this many sessions; of the first number, all are busy in each case. */
const SESSIONS = [10, 1_000, 10_000];
const LINKS = 1_000;
const CROWD = 100;
const PATIENCE_MS = 180_000;
/** Runs `measure` with a relay that lets one socket have many links. */
async function withRelay(measure) {
  const server = await START.pairlink({ args: MANY_LINKS });
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

/** Runs the measured clients beside `sessions` peers. Returns their line of JSON. */
async function hub({ sessions, clients = 1, busy = 0, seconds, messages = 0 }) {
  return withRelay(async (server) => {
    const [echoHead, ...echoRest] = [...pinned(SERVER_CORE), binary('pl-bench-peers'), 'echo', server.port, sessions];
    const echo = start(echoHead, echoRest.map(String));
    try {
      await echo.waitFor(/^ready$/m, { ms: PATIENCE_MS });
      const url = `http://127.0.0.1:${server.port}`;
      const args = ['hub', url, tempDir('pairlink-bench-'), clients, busy, seconds, messages, server.pid];
      const [head, ...rest] = [...pinned(GENERATOR_CORE), binary('pl-bench-peers'), ...args];
      const { code, stdout, stderr } = await run(head, rest.map(String), { input: echo.stdout, ms: PATIENCE_MS });
      if (code !== 0) throw new Error(`pl-bench-peers ${args.join(' ')} ended with ${code}: ${stderr} ${echo.stderr}`);
      return JSON.parse(stdout);
    } finally {
      await echo.kill9();
    }
  });
}

const crowd = (clients) =>
  withRelay(async (server) => {
    const args = ['crowd', `http://127.0.0.1:${server.port}`, tempDir('pairlink-bench-'), String(clients)];
    const { code, stdout, stderr } = await run(binary('pl-bench-peers'), args, { ms: PATIENCE_MS });
    if (code !== 0) throw new Error(`pl-bench-peers crowd ended with ${code}: ${stderr}`);
    return JSON.parse(stdout);
  });

/** The cases by turns within each round. `counts` and `links` are smaller in tests. */
async function manyPeers({ rounds, seconds, quick, progress, counts, links }) {
  const sizes = counts ?? (quick ? [10, 100, 1_000] : SESSIONS);
  const cases = sizes.flatMap((n) => [
    { name: `few_${n}`, sessions: n, busy: sizes[0] },
    { name: `all_${n}`, sessions: n },
  ]);
  const many = links ?? LINKS;
  cases.push({ name: 'one_socket', sessions: many }, { name: 'many_sockets', sessions: many, clients: many });
  const rows = Object.fromEntries(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, ...options } of cases) {
      progress?.(`many peers: ${name}`);
      rows[name].push(await hub({ ...options, seconds }));
    }
  const cpu = (kind) => Object.fromEntries(sizes.map((n) => [n, median(rows[`${kind}_${n}`].map((r) => r.cpu_us))]));
  const apart = (values) => Math.max(...Object.values(values)) / Math.min(...Object.values(values));
  const few = cpu('few');
  const all = cpu('all');
  const largest = rows[`all_${sizes.at(-1)}`];
  const relay = (name) => median(rows[name].map((r) => r.relay_cpu_us));
  const { clients, descriptors_each: descriptors, descriptors_each_highest: highest } = await crowd(counts ? 5 : CROWD);
  return {
    sessions: sizes,
    cpu_us: few,
    cpu_spread: spread(rows[`few_${sizes.at(-1)}`].map((r) => r.cpu_us)),
    cpu_apart: apart(few),
    all_busy_cpu_us: all,
    all_busy_apart: apart(all),
    links: many,
    relay_cpu_us_one_socket: relay('one_socket'),
    relay_cpu_us_many_sockets: relay('many_sockets'),
    session_bytes_linked: median(largest.map((r) => r.session_bytes_linked)),
    session_bytes_used: median(largest.map((r) => r.session_bytes_used)),
    clients,
    descriptors,
    descriptors_highest: highest,
  };
}

const list = (values) => Object.values(values).map((v) => number(v));

/** libuv opens two descriptors once for the process. All others are the clients'. */
const ownDescriptors = ({ descriptors, clients }) => (Math.round(descriptors * clients) - 2) / clients;

export const MANY_PEERS = {
  name: 'many_peers',
  group: 'programs',
  needs: 150,
  measure: (options) => manyPeers({ ...options, rounds: Math.min(3, options.rounds), seconds: options.seconds ?? 1 }),
  targets: (f) => [
    { what: 'CPU of a message of 10 busy sessions, 10 to 10,000 in the client', reached: f.cpu_apart, limit: 1.2 },
    { what: 'CPU of a message, all sessions busy by turns, 10 to 10,000', reached: f.all_busy_apart, limit: 1.2 },
    {
      what: "the relay's CPU of an envelope, a socket with 1,000 links to 1,000 sockets",
      reached: f.relay_cpu_us_one_socket / f.relay_cpu_us_many_sockets,
      limit: 1.2,
    },
    { what: 'memory of a session, linked', reached: f.session_bytes_linked / 1e3, limit: 3.7, unit: ' KB' },
    { what: 'descriptors of a client', reached: ownDescriptors(f), limit: 4, unit: '' },
  ],
  lines: (f) => [
    `One client with ${f.sessions.map((n) => number(n)).join(', ')} sessions: a message of 64 bytes there and back takes ${list(f.cpu_us).join(', ')} µs of its CPU when ${f.sessions[0]} sessions are busy (${ratio(f.cpu_apart)} apart), and ${list(f.all_busy_cpu_us).join(', ')} µs when all are, by turns (${ratio(f.all_busy_apart)}).`,
    `A socket with ${number(f.links)} links costs the relay ${number(f.relay_cpu_us_one_socket)} µs for a message and its answer, ${number(f.links)} sockets with one link each ${number(f.relay_cpu_us_many_sockets)} µs.`,
    `A session takes ${number(f.session_bytes_linked / 1e3)} KB of the client's memory, and ${number(f.session_bytes_used / 1e3)} KB once it has carried a message each way. A client takes ${number(f.descriptors)} descriptors; while ${number(f.clients)} connect at once, up to ${number(f.descriptors_highest)} each.`,
  ],
};
