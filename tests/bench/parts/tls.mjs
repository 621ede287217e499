/** What TLS costs. */
import { cellArgs } from '../cells.mjs';
import { number, percent, ratio } from '../format.mjs';
import { LABELS, START, isThere, load } from '../servers.mjs';
import { inTurn, median, spread } from '../statistics.mjs';
import { PATIENT, fresh } from './common.mjs';

const CELLS = [
  { name: '64 B', pairs: 50, window: 16, size: 64, limit: 1.5 },
  { name: '16 KiB', pairs: 50, window: 16, size: 16384, limit: 3.5 },
];
/** One message at a time, for the time of a round trip. */
const ALONE = { name: 'alone', pairs: 1, window: 1, size: 64 };
const IDLE = 2_000;
const ROUNDS_MAX = 4;

/** Runs each cell with each server in turn. Returns cell → label → the row of each round. */
async function measureCells(labels, { rounds, seconds, progress, quick }) {
  const living = {};
  const cells = [...CELLS, ALONE];
  const rows = Object.fromEntries(cells.map(({ name }) => [name, Object.fromEntries(labels.map((l) => [l, []]))]));
  try {
    for (const label of labels) living[label] = await START[LABELS[label].start]();
    for (let round = 0; round < rounds; round++)
      for (const cell of cells)
        for (const label of inTurn(labels, round)) {
          progress(`TLS, round ${round + 1} of ${rounds}: ${cell.name}, ${label}`);
          const pairs = quick ? Math.min(2, cell.pairs) : cell.pairs;
          const args = cellArgs({ ...cell, pairs }, { seconds, warmup: Math.min(0.2, seconds) });
          rows[cell.name][label].push(await load(living[label], label, args));
        }
  } finally {
    for (const server of Object.values(living)) await server.stop();
  }
  return rows;
}

/** label → the figure of each round */
const figureOf = (rows, figure) =>
  Object.fromEntries(Object.entries(rows).map(([label, own]) => [label, own.map((row) => row[figure])]));
const mediansOf = (by) => Object.fromEntries(Object.entries(by).map(([label, values]) => [label, median(values)]));

/** Returns the median of the rounds' ratios, with the half distance of their extremes. */
function compared(over, under) {
  const ratios = over.map((value, round) => value / under[round]);
  return { ratio: median(ratios), spread: spread(ratios) };
}

async function measure({ rounds, seconds, progress = () => {}, quick = false }) {
  const labels = ['pairlink', 'pairlink-tls', 'uws', 'uws-tls'].filter(isThere);
  const rows = await measureCells(labels, { rounds: Math.min(ROUNDS_MAX, rounds), seconds, progress, quick });
  const cells = {};
  for (const { name } of CELLS) {
    const by = figureOf(rows[name], 'cpu_us');
    cells[name] = {
      cpu_us: mediansOf(by),
      to_plain: compared(by['pairlink-tls'], by.pairlink),
    };
    if (by['uws-tls']) cells[name].to_uws = compared(by['pairlink-tls'], by['uws-tls']);
  }
  const trip = Object.fromEntries(['p50_us', 'p99_us'].map((f) => [f, mediansOf(figureOf(rows[ALONE.name], f))]));
  const p50 = figureOf(rows[ALONE.name], 'p50_us');
  trip.p50_to_plain = compared(p50['pairlink-tls'], p50.pairlink);
  const idle_kb = {};
  for (const label of labels.filter((l) => l.endsWith('-tls'))) {
    progress(`memory of idle sockets: ${label}`);
    const args = ['--pairs', 1, '--idle', quick ? 50 : IDLE, '--seconds', 0.1, ...PATIENT];
    idle_kb[label] = (await fresh(label, (server) => load(server, label, args))).kb_per_socket;
  }
  return { cells, trip, idle_kb };
}

const cellLine = (name, { cpu_us, to_plain, to_uws }) =>
  `TLS, 50 × 16, ${name}: ${number(cpu_us['pairlink-tls'])} µs of CPU for an envelope, ${ratio(to_plain.ratio)} plain (${percent(to_plain.spread)}).` +
  (to_uws
    ? ` uWebSockets: ${number(cpu_us['uws-tls'])} µs over TLS, ${number(cpu_us.uws)} plain; over TLS the relay takes ${ratio(to_uws.ratio)} of it.`
    : '');

const tripText = ({ p50_us, p99_us }, label) => `${number(p50_us[label])} µs (p99 ${number(p99_us[label])})`;

const tripLine = (trip) =>
  `A round trip of 64 B, one at a time: ${tripText(trip, 'pairlink-tls')} over TLS, ${tripText(trip, 'pairlink')} plain, ${ratio(trip.p50_to_plain.ratio)} (${percent(trip.p50_to_plain.spread)}).` +
  (trip.p50_us['uws-tls']
    ? ` uWebSockets: ${tripText(trip, 'uws-tls')} over TLS, ${tripText(trip, 'uws')} plain.`
    : '');

/**
 * CPU of an envelope over TLS to plain, and to uWebSockets where that is there. The time of a round trip, over TLS and
 * plain. Memory of an idle socket.
 */
export const TLS_COSTS = {
  name: 'tls',
  needs: 65,
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
  lines: ({ cells, trip, idle_kb }) => [
    ...Object.entries(cells).map(([name, cell]) => cellLine(name, cell)),
    ...(trip ? [tripLine(trip)] : []),
    `Memory of an idle socket over TLS: ${number(idle_kb['pairlink-tls'])} KB${idle_kb['uws-tls'] ? `, uWebSockets ${number(idle_kb['uws-tls'])} KB` : ''}.`,
  ],
};
