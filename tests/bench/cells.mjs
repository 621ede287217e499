/** What is measured, and the targets that docs/capacity.md quotes: ratios to the raw forwarder in the same run. */

const ALL = ['raw', 'pairlink', 'pairlink-single', 'ws', 'ws-batched', 'nats', 'socketio'];
const QUICK = ['raw', 'pairlink', 'ws', 'nats', 'socketio'];
const cell = (pairs, window, size, rest = {}) => ({
  name: `${pairs} × ${window}, ${size >= 1024 ? `${size / 1024} KiB` : `${size} B`}${rest.both ? ', both ways' : ''}`,
  pairs,
  window,
  size,
  servers: ALL,
  ...rest,
});

export const CELLS = [
  cell(50, 1, 64, { quick: true, cpu: 1.3, p50: 1.2 }),
  cell(50, 16, 64, { quick: true, cpu: 1.4 }),
  cell(50, 16, 1024, { quick: true, cpu: 1.5 }),
  cell(50, 16, 16384, { quick: true, cpu: 1.5 }),
  cell(500, 4, 64, { cpu: 1.15 }),
  cell(5000, 1, 64, { cpu: 1.15, servers: ['raw', 'pairlink'] }),
  cell(1, 1, 64),
  cell(50, 16, 1024, { both: true, servers: ['raw', 'pairlink'] }),
];
export const quickCells = () =>
  CELLS.filter((c) => c.quick).map((c) => ({ ...c, servers: c.servers.filter((s) => QUICK.includes(s)) }));

export const MEMORY = ['raw', 'pairlink', 'pairlink-tls', 'ws', 'nats', 'socketio'];
export const MEMORY_TARGETS = { pairlink: 1.2, 'pairlink-tls': 14 };

export const cellArgs = (c, { seconds, warmup }) => [
  ...['--pairs', c.pairs, '--window', c.window, '--size', c.size, '--seconds', seconds, '--warmup', warmup],
  ...(c.both ? ['--both'] : []),
  ...(c.idle ? ['--idle', c.idle] : []),
  ...(c.frozen ? ['--frozen', c.frozen] : []),
];
