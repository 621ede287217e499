/** One file through whole programs, and two clients in one thread. */
import { measureClients, measureTransfers } from '../e2e.mjs';
import { number, ratio } from '../format.mjs';
import { median } from '../statistics.mjs';

const MiB = 1 << 20;

/** `left()` returns the seconds that remain for all parts: a slow machine gets fewer rounds. */
async function transfers({ rounds, quick, only, left = () => Infinity }) {
  const bytes = (quick ? 64 : 128) * MiB;
  const runs = [];
  for (let round = 1; round <= rounds && (round === 1 || left() > 130); round++)
    runs.push(...(await measureTransfers({ bytes, rounds: 1, only })).map((run) => ({ ...run, round })));
  const names = [...new Set(runs.map((r) => r.program))];
  const of = (name) => runs.filter((r) => r.program === name).map((r) => r.mb_per_s);
  return {
    bytes,
    rounds: runs.length / names.length,
    runs,
    medians: Object.fromEntries(names.map((name) => [name, median(of(name))])),
  };
}

export const TRANSFERS = {
  name: 'transfers',
  group: 'programs',
  needs: 60,
  measure: transfers,
  targets: ({ bytes, medians }) => [
    {
      what: `${bytes / MiB} MiB by connect and listen, to magic-wormhole's transfer`,
      reached: medians.pairlink / medians.wormhole,
      limit: 5,
      atLeast: true,
    },
    {
      what: `${bytes / MiB} MiB by connect and listen, to scp's transfer`,
      reached: medians.pairlink / medians.scp,
      limit: 0.5,
      atLeast: true,
    },
  ],
  lines: ({ bytes, medians, rounds }) => [
    `A file of ${bytes / MiB} MiB, whole programs (\`pairlink\` is \`connect\` and \`listen\`, \`pairlink files\` is \`send\` and \`receive\`), MB/s: ${Object.entries(
      medians,
    )
      .map(([name, v]) => `${name} ${number(v)}`)
      .join(
        ', ',
      )}: ${ratio(medians.pairlink / medians.scp)} scp, ${ratio(medians.pairlink / medians.wormhole)} magic-wormhole by \`connect\` and \`listen\` (median of ${rounds}).`,
  ],
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
