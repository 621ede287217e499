/**
 * Writes docs/capacity.md: a cost model fitted to the measurements of publish.mjs, and what follows from it. Everything
 * between the document's markers is computed here, so that prose and figures agree.
 *
 *   node tests/bench/capacity.mjs     writes the document from docs/bench/results.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../support/process.js';
import { capacityChart } from './charts.mjs';
import { fillMarkers } from './document.mjs';
import { markdownTable, number } from './format.mjs';
import { MEMORY, QUEUE_TOTAL_MAX, memoryBound } from './memory_bound.mjs';

const SEGMENT_BYTES = 65536; // the kernel's largest: each further segment costs the same again, even in one call
const FEW_PAIRS = 50;
const MANY_PAIRS = 500; // the most pairs measured: their sockets no longer fit into the cache
const HEADER = 8;
const FIT = ['50 × 1, 64 B', '50 × 16, 64 B', '50 × 16, 16 KiB', '500 × 4, 64 B'];
const CHECK = '50 × 16, 1 KiB';

/** Returns the reads and writes per envelope. Envelopes that are due together share them, up to one segment. */
const turns = ({ window, size }) => Math.max(1 / window, (size + HEADER) / SEGMENT_BYTES);
/** Returns 0 for 50 active pairs and 1 for 500, whose sockets, buffers and connections are in slower memory. */
const spreadOut = ({ pairs = FEW_PAIRS }) => Math.min(1, Math.max(0, Math.log10(pairs / FEW_PAIRS)));
const terms = (c) => [1, c.size, turns(c), turns(c) * spreadOut(c)];
const TERMS = [0, 1, 2, 3];
const parse = (name) => {
  const [, pairs, window, size, unit] = name.match(/^(\d+) × (\d+), (\d+) (B|KiB)$/);
  return { name, pairs: Number(pairs), window: Number(window), size: Number(size) * (unit === 'KiB' ? 1024 : 1) };
};

/** Solves a small symmetric system. */
function solve(a, b) {
  const n = b.length;
  const m = a.map((row, i) => [...row, b[i]]);
  for (let i = 0; i < n; i++) {
    const best = m.slice(i).reduce((p, row, k) => (Math.abs(row[i]) > Math.abs(m[p][i]) ? k + i : p), i);
    [m[i], m[best]] = [m[best], m[i]];
    if (Math.abs(m[i][i]) < 1e-18) throw new Error('the cells do not determine the model');
    for (let k = 0; k < n; k++) if (k !== i) m[k] = m[k].map((v, j) => v - (m[k][i] / m[i][i]) * m[i][j]);
  }
  return m.map((row, i) => row[n] / row[i]);
}

/** Fits by least squares of the relative error. A term that would be negative is left out. */
export function fit(points, wanted = TERMS) {
  const rows = points.map((p) => terms(p).map((t) => t / p.cpu_us));
  const keep = wanted.filter((i) => rows.some((row) => row[i] > 0));
  const a = keep.map((i) => keep.map((j) => rows.reduce((sum, r) => sum + r[i] * r[j], 0)));
  const b = keep.map((i) => rows.reduce((sum, r) => sum + r[i], 0));
  const found = solve(a, b);
  const negative = keep.filter((_, k) => found[k] < 0);
  if (negative.length)
    return fit(
      points,
      keep.filter((i) => i !== negative[0]),
    );
  return TERMS.map((i) => (keep.includes(i) ? found[keep.indexOf(i)] : 0));
}
export const predict = (factors, c) => terms(c).reduce((sum, t, i) => sum + t * factors[i], 0);

function model(result) {
  const point = (name) => {
    const s = result.summary.find((e) => e.cell === name && e.server === 'pairlink');
    return s && { ...parse(name), cpu_us: s.cpu_us };
  };
  const points = FIT.map(point).filter(Boolean);
  const check = point(CHECK);
  if (points.length < 3 || !check) return null;
  const m = fit(points);
  return { m, points, check, error: predict(m, check) / check.cpu_us - 1 };
}

const percent = (v) => `${v >= 0 ? '+' : '−'}${Math.abs(v * 100).toFixed(0)}%`;
const GB = 1e9;

function modelText({ m, points, check, error }, costs) {
  const rows = [
    ...points.map((p) => [
      p.name,
      number(p.cpu_us),
      number(predict(m, p)),
      percent(predict(m, p) / p.cpu_us - 1),
      'yes',
    ]),
    [check.name, number(check.cpu_us), number(predict(m, check)), percent(error), 'no: the check'],
  ];
  return `CPU µs of an envelope = ${number(m[0])} + ${number(m[1] * 1024)} · KiB + (${number(m[2])} + ${number(m[3])} · spread) · turns, with turns = max(1 / envelopes that are due together, bytes / 64 KiB) and
spread = log10(active pairs / 50), from 0 to 1: with 500 active pairs a turn finds its socket and buffers in slower memory.

${markdownTable(['cell', 'measured µs', 'model µs', 'error', 'fitted to'], rows)}

The error at the point that the model has not seen is **${percent(error)}**; plan with twice that.

${markdownTable(
  ['what', 'cost'],
  [
    ['login, plain', `${number(costs.login)} µs of CPU`],
    ['login, TLS (full handshake)', `${number(costs.tls_login)} µs of CPU`],
    [
      'idle socket, plain',
      `${number(costs.socket / 1024)} KB measured, ${number(MEMORY.socket / 1024)} KB in the formula`,
    ],
    [
      'idle socket, TLS',
      `${number(costs.tls_socket / 1024)} KB measured, ${number(MEMORY.tls_socket / 1024)} KB in the formula`,
    ],
    ['link', `≤ ${number(MEMORY.link / 1024)} KB`],
    ['queued byte', `${MEMORY.overhead} bytes, at most ${QUEUE_TOTAL_MAX >> 20} MiB queued in all (QUEUE_TOTAL_MAX)`],
    ['registration', 'about 100 bytes on disk, none in memory'],
    ['ping of an idle socket, every 20 s', `${number(costs.ping)} µs there and back: an envelope alone, twice`],
  ],
)}`;
}

/** A user who is online all day, writes now and then, and sometimes sends a file. */
const USER = { envelopes_per_s: 0.05, size: 300, bulk_bytes_per_day: 20e6, ping_s: 20, logins_per_day: 6 };
const TARGET_LOAD = 0.5; // share of a core; the rest is for storms and the kernel's receiving side

function userCost(costs) {
  const { m } = costs;
  const bulk = (USER.bulk_bytes_per_day / 16384 / 86400) * predict(m, { window: 16, size: 16384, pairs: MANY_PAIRS });
  const parts = {
    messages: USER.envelopes_per_s * predict(m, { window: 1, size: USER.size, pairs: MANY_PAIRS }),
    bulk,
    pings: costs.ping / USER.ping_s,
    logins: (USER.logins_per_day / 86400) * costs.tls_login,
  };
  return { parts, sum: Object.values(parts).reduce((a, b) => a + b, 0) };
}

function carries(costs) {
  const { m } = costs;
  const row = (what, c) => {
    const rate = (TARGET_LOAD * 1e6) / predict(m, c);
    const bits = rate * (c.size + HEADER) * 8 * 2;
    return [what, number(rate), `${number(bits / 1e9)} Gbit/s`];
  };
  const user = userCost(costs);
  const perCore = (TARGET_LOAD * 1e6) / user.sum;
  const ram = (gib) =>
    Math.max(
      0,
      (gib * 2 ** 30 * 0.8 - memoryBound({ queued: QUEUE_TOTAL_MAX, workers: 8 })) /
        (MEMORY.overhead * MEMORY.tls_socket + 4096),
    );
  const machine = { cores: 8, gib: 32, gbit: 1 };
  const nicPerUser =
    2 * 8 * (USER.envelopes_per_s * (USER.size + 100) + USER.bulk_bytes_per_day / 86400 + (2 * 80) / USER.ping_s);
  const ends = {
    CPU: perCore * machine.cores,
    memory: ram(machine.gib),
    NIC: (machine.gbit * 0.5 * 1e9) / nicPerUser,
    'descriptors (raised to 1,048,576)': 1_048_576,
    'SOCKETS_MAX as shipped': 100_000,
  };
  const users = Math.min(ends.CPU, ends.memory, ends.NIC, 1_048_576);
  const text = `One core at ${TARGET_LOAD * 100}% load:

${markdownTable(
  ['traffic', 'envelopes/s', 'network, in and out'],
  [
    row('64 B, one at a time', { window: 1, size: 64 }),
    row('64 B, 16 due together', { window: 16, size: 64 }),
    row('1 KiB, 16 due together', { window: 16, size: 1024 }),
    row('16 KiB, 16 due together', { window: 16, size: 16384 }),
  ],
)}

A user who is there all day, by assumption: ${USER.envelopes_per_s * 60} messages a minute of ${USER.size} B, ${USER.bulk_bytes_per_day / 1e6} MB of files a day, a ping every ${USER.ping_s} s, ${USER.logins_per_day} logins a day over TLS.
CPU: ${Object.entries(user.parts)
    .map(([name, v]) => `${name} ${number(v)}`)
    .join(' + ')} = ${number(user.sum)} µs each second. Network: ${number(nicPerUser)} bit/s.

${markdownTable(
  ['size', 'users at one time', 'by'],
  [
    ['one core', number(perCore), `${TARGET_LOAD} s of CPU a second / ${number(user.sum)} µs`],
    [
      `one machine: ${machine.cores} cores, ${machine.gib} GiB, ${machine.gbit} Gbit/s`,
      number(users),
      `the lowest limit below`,
    ],
    [
      'ten such relays',
      number(users * 10),
      'each user is on one; users of different relays do not meet: see "On paper"',
    ],
    ['a thousand', number(users * 1000), 'the same'],
  ],
)}

What limits that machine, in users, the lowest limit first:

${markdownTable(
  ['resource', 'users'],
  Object.entries(ends)
    .sort((a, b) => a[1] - b[1])
    .map(([name, v]) => [name, number(v)]),
)}`;
  return { text, users, ends, user };
}

/* On paper: 10⁸ users, a directory that tells which relay an ID is on, relays that forward to each other. */
function world(costs, machine) {
  const people = 1e8;
  const relay = Math.min(machine.users, 100_000);
  const regions = 10;
  const relays = Math.ceil((people / relay) * 1.5);
  const churn = (people * USER.logins_per_day) / 86400;
  const region = people / regions;
  const extra = region / (relays * (1 - 1 / regions));
  const jitter = 10; // the largest wait of docs/protocol.md; waits are uniform from 0 to it
  const perRelay = extra / jitter;
  const capacity = (8 * 1e6) / costs.tls_login;
  const drain = Math.max(jitter, extra / (capacity * 0.8));
  const first = extra / 0.25;
  const text = `| quantity | arithmetic | value |
|---|---|---:|
| relays | 10⁸ / ${number(relay)} users each × 1.5 spare | ${number(relays)} |
| logins in all, steady | 10⁸ × ${USER.logins_per_day} / 86,400 s | ${number(churn)}/s |
| … at each relay | / ${number(relays)} | ${number(churn / relays)}/s = ${number((churn / relays) * costs.tls_login * 1e-4)}% of a core |
| a region of ${regions} lost | 10⁸ / ${regions} | ${number(region)} users homeless |
| new users of each relay that stays | ${number(region)} / (${number(relays)} × 0.9) | ${number(extra)} (+${number((100 * extra) / (relay / 1.5))}%) |
| the first wave, were all to come within 0.25 s | ${number(extra)} / 0.25 s | ${number(first)}/s, against ${number(capacity)}/s that 8 cores log in over TLS |
| full jitter, waits uniform in 0 … ${jitter} s | ${number(extra)} / ${jitter} s | ${number(perRelay)}/s at each relay |
| CPU for that | ${number(perRelay)} × ${number(costs.tls_login)} µs / 8 cores | ${number((perRelay * costs.tls_login) / 8e4)}% |
| until all are back | max(${jitter} s, ${number(extra)} / (0.8 × ${number(capacity)}/s)) | ${number(drain)} s |
| memory of the new ones | ${number(extra)} × ${number((MEMORY.overhead * MEMORY.tls_socket) / 1024)} KB | ${number((extra * MEMORY.overhead * MEMORY.tls_socket) / GB)} GB at each relay |
| directory: who is where | 10⁸ × (32 + 8 + 8 B) × 2 | ${number((people * 96) / GB)} GB in all |
| … its writes while the region comes back | ${number(region)} / ${number(drain)} s | ${number(region / drain)}/s |
| traffic between relays | 10⁸ × ${USER.envelopes_per_s}/s × ${USER.size + 100} B, almost every pair across | ${number((people * USER.envelopes_per_s * (USER.size + 100) * 8) / 1e9)} Gbit/s, ${number((people * USER.envelopes_per_s * (USER.size + 100) * 8) / 1e6 / relays)} Mbit/s at each relay, besides files |`;
  return { text, storm: { extra, capacity, jitter } };
}

/** New sockets a second at one relay after a loss: each client's n-th wait is uniform from 0 to min(10 s, 0.25 s · 2ⁿ),
 * and a login that is not served in its second comes again. */
function stormCurve({ extra, capacity }, jittered, seconds = 30, step = 0.25) {
  const slots = Math.round(seconds / step);
  const LAST = 6; // from here on every wait has the largest range
  const due = Array.from({ length: slots + 1 }, () => new Array(LAST + 1).fill(0));
  const wait = (clients, attempt, from) => {
    const parts = jittered ? Math.max(1, Math.round(Math.min(10, 0.25 * 2 ** attempt) / step)) : 1;
    for (let i = 1; i <= parts && from + i <= slots; i++) due[from + i][Math.min(LAST, attempt)] += clients / parts;
  };
  wait(extra, 0, 0);
  const curve = [];
  for (let slot = 1; slot <= slots; slot++) {
    const tries = due[slot].reduce((sum, n) => sum + n, 0);
    const lost = tries ? 1 - Math.min(1, (capacity * step) / tries) : 0;
    due[slot].forEach((clients, attempt) => clients * lost && wait(clients * lost, attempt + 1, slot));
    curve.push({ at: slot * step, tries: tries / step });
  }
  return curve;
}

export function writeCapacity(result) {
  const fitted = model(result);
  if (!fitted) {
    console.log('docs/capacity.md: not written, its cells were not measured');
    return;
  }
  const kb = (name, fallback) => (result.memory?.[name]?.kb_per_socket ?? fallback / 1024) * 1024;
  const costs = {
    m: fitted.m,
    login: result.storm?.cpu_us ?? 250,
    tls_login: result.storm?.tls?.cpu_us ?? 700,
    socket: kb('pairlink', MEMORY.socket),
    tls_socket: kb('pairlink-tls', MEMORY.tls_socket),
    ping: 2 * predict(fitted.m, { window: 1, size: 8, pairs: MANY_PAIRS }),
  };
  const machine = carries(costs);
  const paper = world(costs, machine);
  const date = `From docs/bench/results.json of ${result.date.slice(0, 10)}, ${result.machine.cores} cores, load ${result.machine.load_before.toFixed(1)} before it began${result.storm ? '' : '; logins were not measured in that run: 250 and 700 µs assumed'}.`;
  fillMarkers(join(ROOT, 'docs/capacity.md'), {
    source: date,
    model: modelText(fitted, costs),
    carries: machine.text,
    world: paper.text,
  });
  const curves = [
    { name: 'full jitter, doubling to 10 s', colour: '#1e88e5', points: stormCurve(paper.storm, true) },
    { name: 'again every 0.25 s', colour: '#d6455d', points: stormCurve(paper.storm, false) },
  ];
  writeFileSync(join(ROOT, 'docs/bench/capacity.svg'), capacityChart(curves, paper.storm));
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeCapacity(JSON.parse(readFileSync(join(ROOT, 'docs/bench/results.json'), 'utf8')));
