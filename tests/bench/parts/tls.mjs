/** What TLS costs. */
import { cellArgs } from '../cells.mjs';
import { number, percent, ratio } from '../format.mjs';
import { LABELS, START, isThere, load } from '../servers.mjs';
import { median, spread } from '../statistics.mjs';
import { PATIENT, fresh } from './common.mjs';

const CELLS = [
  { name: '64 B', pairs: 50, window: 16, size: 64, limit: 1.5 },
  { name: '16 KiB', pairs: 50, window: 16, size: 16384, limit: 3.5 },
];
const IDLE = 2_000;
const ROUNDS_MAX = 4;

/** Runs each cell with each server in turn. Returns cell → label → CPU µs of each round. */
async function measureCosts(labels, { rounds, seconds, progress, quick }) {
  const living = {};
  const costs = Object.fromEntries(CELLS.map(({ name }) => [name, Object.fromEntries(labels.map((l) => [l, []]))]));
  try {
    for (const label of labels) living[label] = await START[LABELS[label].start]();
    for (let round = 0; round < rounds; round++)
      for (const cell of CELLS)
        for (const label of [...labels.slice(round % labels.length), ...labels.slice(0, round % labels.length)]) {
          progress(`TLS, round ${round + 1} of ${rounds}: ${cell.name}, ${label}`);
          const args = cellArgs(quick ? { ...cell, pairs: 2 } : cell, { seconds, warmup: Math.min(0.2, seconds) });
          costs[cell.name][label].push((await load(living[label], label, args)).cpu_us);
        }
  } finally {
    for (const server of Object.values(living)) await server.stop();
  }
  return costs;
}

/** Returns the median of the rounds' ratios, with the half distance of their extremes. */
function compared(over, under) {
  const ratios = over.map((value, round) => value / under[round]);
  return { ratio: median(ratios), spread: spread(ratios) };
}

async function measure({ rounds, seconds, progress = () => {}, quick = false }) {
  const labels = ['pairlink', 'pairlink-tls', 'uws', 'uws-tls'].filter(isThere);
  const costs = await measureCosts(labels, { rounds: Math.min(ROUNDS_MAX, rounds), seconds, progress, quick });
  const cells = {};
  for (const [name, by] of Object.entries(costs)) {
    cells[name] = {
      cpu_us: Object.fromEntries(labels.map((label) => [label, median(by[label])])),
      to_plain: compared(by['pairlink-tls'], by.pairlink),
    };
    if (by['uws-tls']) cells[name].to_uws = compared(by['pairlink-tls'], by['uws-tls']);
  }
  const idle_kb = {};
  for (const label of labels.filter((l) => l.endsWith('-tls'))) {
    progress(`memory of idle sockets: ${label}`);
    const args = ['--pairs', 1, '--idle', quick ? 50 : IDLE, '--seconds', 0.1, ...PATIENT];
    idle_kb[label] = (await fresh(label, (server) => load(server, label, args))).kb_per_socket;
  }
  return { cells, idle_kb };
}

const cellLine = (name, { cpu_us, to_plain, to_uws }) =>
  `TLS, 50 × 16, ${name}: ${number(cpu_us['pairlink-tls'])} µs of CPU for an envelope, ${ratio(to_plain.ratio)} plain (${percent(to_plain.spread)}).` +
  (to_uws
    ? ` uWebSockets: ${number(cpu_us['uws-tls'])} µs over TLS, ${number(cpu_us.uws)} plain; over TLS the relay takes ${ratio(to_uws.ratio)} of it.`
    : '');

/** CPU of an envelope over TLS to plain, and to uWebSockets where that is there; memory of an idle socket. */
export const TLS_COSTS = {
  name: 'tls',
  needs: 50,
  measure,
  targets: ({ cells }) => [
    ...CELLS.map(({ name, limit }) => ({
      what: `CPU over TLS to plain, 50 × 16, ${name}`,
      reached: cells[name].to_plain.ratio,
      limit,
    })),
    ...CELLS.filter(({ name }) => cells[name].to_uws).map(({ name }) => ({
      what: `CPU over TLS to uWebSockets over TLS, 50 × 16, ${name}`,
      reached: cells[name].to_uws.ratio,
      limit: 1,
    })),
  ],
  lines: ({ cells, idle_kb }) => [
    ...Object.entries(cells).map(([name, cell]) => cellLine(name, cell)),
    `Memory of an idle socket over TLS: ${number(idle_kb['pairlink-tls'])} KB${idle_kb['uws-tls'] ? `, uWebSockets ${number(idle_kb['uws-tls'])} KB` : ''}.`,
  ],
};
