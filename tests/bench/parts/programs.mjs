/** One file through whole programs, and two clients in one thread. */
import { measureClients, measureTransfers } from '../e2e.mjs';
import { number, percent, ratio } from '../format.mjs';
import { median } from '../statistics.mjs';
import { compareRounds } from './common.mjs';

const MiB = 1 << 20;

/** `left()` returns the seconds that remain for all parts: a slow machine gets fewer rounds. */
async function transfers({ rounds, quick, only, left = () => Infinity }) {
  const bytes = (quick ? 64 : 128) * MiB;
  const runs = [];
  for (let round = 1; round <= rounds && (round === 1 || left() > 130); round++)
    runs.push(...(await measureTransfers({ bytes, round, only })));
  const names = [...new Set(runs.map((r) => r.program))];
  const of = (name) => runs.filter((r) => r.program === name).map((r) => r.mb_per_s);
  return {
    bytes,
    rounds: runs.length / names.length,
    runs,
    medians: Object.fromEntries(names.map((name) => [name, median(of(name))])),
  };
}

const RIVALS = { wormhole: { name: 'magic-wormhole', limit: 5 }, scp: { name: 'scp', limit: 0.5 } };

/** Returns [rival, the ratio of the speeds] of the rivals that were measured. */
const toRivals = ({ runs }) =>
  Object.keys(RIVALS)
    .map((rival) => [rival, compareRounds(runs, 'pairlink', rival, 'mb_per_s')])
    .filter(([, speed]) => speed);

export const TRANSFERS = {
  name: 'transfers',
  group: 'programs',
  needs: 60,
  measure: transfers,
  targets: (f) =>
    toRivals(f).map(([rival, speed]) => ({
      what: `${f.bytes / MiB} MiB by connect and listen, to ${RIVALS[rival].name}'s transfer`,
      reached: speed.median,
      limit: RIVALS[rival].limit,
      atLeast: true,
    })),
  lines: (f) => {
    const speeds = Object.entries(f.medians).map(([name, v]) => `${name} ${number(v)}`);
    const ratios = toRivals(f).map(
      ([rival, speed], i) =>
        `${i ? ',' : ': by `connect` and `listen`'} ${ratio(speed.median)} ${RIVALS[rival].name} (${percent(speed.spread)})`,
    );
    return [
      `A file of ${f.bytes / MiB} MiB, whole programs (\`pairlink\` is \`connect\` and \`listen\`, \`pairlink files\` is \`send\` and \`receive\`), MB/s: ${speeds.join(', ')}${ratios.join('')}, ${f.rounds} round${f.rounds === 1 ? '' : 's'}.`,
    ];
  },
};

export const CLIENTS = {
  name: 'clients',
  group: 'programs',
  needs: 20,
  measure: ({ rounds, seconds = 0.5 }) => measureClients({ rounds, seconds }),
  targets: (f) => [{ what: 'round trip between two clients to bare TCP', reached: f.ratio, limit: 2.2 }],
  lines: (f) => [
    `Round trip of 64 bytes between two clients, encrypted, through the relay: p50 ${number(f.p50_us)} µs, p99 ${number(f.p99_us)} µs; bare TCP through the forwarder ${number(f.raw_p50_us)} µs: ${ratio(f.ratio)}. One session carries ${number(f.mb_per_s)} MB/s, both clients in one thread.`,
  ],
};
