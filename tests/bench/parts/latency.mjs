/**
 * Round trips of one pair, 64 bytes, while 50 other pairs saturate the server with messages of 16 KiB.
 *
 * The server has one core. The pair and the bulk share the other one, each in a process of its own. The pair runs ahead
 * of the bulk, as soon as something arrives for it (SCHED_FIFO, where that is allowed, and SCHED_IDLE). What the bulk
 * costs the pair all the same, because the kernel finishes a system call first, is measured beside it: in the control
 * the server is saturated as before, but the pair goes through a second server, which is idle and runs on the pair's
 * core.
 */
import { number, ratio } from '../format.mjs';
import { GENERATOR_CORE, START, leisurely, load, urgent } from '../servers.mjs';
import { spread } from '../statistics.mjs';
import { PATIENT, middle } from './common.mjs';

const BULK = { pairs: 50, window: 16, size: 16_384 };
const PAUSE_MS = 1; // between two round trips; otherwise the control's pair would take the core from the bulk
const BULK_FROM = 1; // the measured pair has number 0

const probe = (server, label, seconds) =>
  load(
    server,
    label,
    ['--pairs', 1, '--window', 1, '--size', 64, '--pause', PAUSE_MS, '--seconds', seconds, ...PATIENT],
    { before: urgent() },
  );

const SPARE_S = 0.8; // the bulk runs this much longer than the pair
const SPARE_MAX_S = 8;

/** Runs `during` while the bulk keeps the server busy. Returns its result and the row of the bulk. When the bulk ended
 * first, the end of `during` was measured without it, so both are repeated with a longer bulk. */
async function beside(server, label, seconds, during, spare = SPARE_S) {
  let result;
  let ended = false;
  const args = [
    ...Object.entries(BULK).flatMap(([name, value]) => [`--${name}`, value]),
    ...['--from', BULK_FROM, '--announce', '--warmup', 0.2, '--seconds', seconds + spare, ...PATIENT],
  ];
  const bulk = await load(server, label, args, {
    before: leisurely(),
    onLine: async (line, isRunning) => {
      result = await during();
      ended = !isRunning();
    },
  });
  if (!ended) return { result, bulk };
  if (spare >= SPARE_MAX_S) throw new Error(`the bulk ended before the pair, which had ${spare} s more`);
  return beside(server, label, seconds, during, 2 * spare);
}

async function round(label, seconds, options) {
  const server = await START[label](options);
  let other;
  try {
    const idle = await probe(server, label, seconds);
    const { result: loaded, bulk } = await beside(server, label, seconds, () => probe(server, label, seconds));
    other = await START[label]({ ...options, cores: GENERATOR_CORE, before: urgent() });
    const controlIdle = await probe(other, label, seconds);
    const { result: control } = await beside(server, label, seconds, () => probe(other, label, seconds));
    return {
      idle_p50_us: idle.p50_us,
      idle_p99_us: idle.p99_us,
      loaded_p50_us: loaded.p50_us,
      loaded_p99_us: loaded.p99_us,
      p99_ratio: loaded.p99_us / idle.p99_us,
      control_idle_p99_us: controlIdle.p99_us,
      control_p99_us: control.p99_us,
      control_ratio: control.p99_us / controlIdle.p99_us,
      rounds: loaded.envelopes / 2,
      bulk_envelopes_per_s: bulk.envelopes_per_s,
      server_cpu_share: bulk.server_cpu_share,
    };
  } finally {
    await server.stop();
    await other?.stop();
  }
}

/** `servers` maps names to options of a server and its `label`, by default the name. All take turns. */
async function measure({ rounds, seconds, servers = { pairlink: {}, raw: {} }, progress = () => {} }) {
  const rows = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  for (let n = 1; n <= rounds; n++)
    for (const [name, { label = name, ...options }] of Object.entries(servers)) {
      progress(`latency: round ${n} of ${rounds}, ${name}`);
      rows[name].push(await round(label, seconds, options));
    }
  const figures = (list) => ({
    ...Object.fromEntries(Object.keys(list[0]).map((figure) => [figure, middle(list, figure)])),
    p99_ratio_spread: spread(list.map((row) => row.p99_ratio)),
  });
  return { bulk: BULK, ...Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, figures(list)])) };
}

export const LATENCY = {
  name: 'latency',
  needs: 30,
  measure,
  targets: (f) => [
    {
      what: 'p99 of a 64 B round trip beside saturating bulk, to the same without it',
      reached: f.pairlink.p99_ratio,
      limit: 3,
    },
  ],
  lines: (f) => [
    `64 B round trip beside ${f.bulk.pairs} pairs that saturate the server with 16 KiB: ${['pairlink', 'raw']
      .filter((name) => f[name])
      .map(
        (name) =>
          `${name} p50 ${number(f[name].idle_p50_us)} → ${number(f[name].loaded_p50_us)} µs, p99 ${number(f[name].idle_p99_us)} → ${number(f[name].loaded_p99_us)} µs (${ratio(f[name].p99_ratio)})`,
      )
      .join('; ')}.`,
    `Control: through a second relay, which is idle and on the pair's core, while the first is saturated: p99 ${number(f.pairlink.control_idle_p99_us)} → ${number(f.pairlink.control_p99_us)} µs.`,
  ],
};
