/** What several parts of the benchmark share. */
import { START, load } from '../servers.mjs';
import { median, spread } from '../statistics.mjs';

/** Arguments of the generator for a server that needs time to take thousands of sockets. */
export const PATIENT = ['--patience', 120];

/** Arguments of a relay at which one client has 10,000 sessions. */
export const MANY_LINKS = [
  'LINK_SLOTS=16384',
  'OPEN_BURST=100000',
  'OPENS_PER_MINUTE=1000000',
  'KNOCKS_PER_CALLER=1000000',
].flatMap((limit) => ['--limit', limit]);

/** Runs `measure` against its own server. */
export async function fresh(key, measure, options) {
  const server = await START[key](options);
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}

/**
 * Compares two programs in runs of `{round, program, …}`. Returns the median of the rounds' ratios of this figure with
 * their spread, or null when a program was not measured.
 */
export function compareRounds(runs, over, under, figure) {
  const of = (program, round) => runs.find((r) => r.program === program && r.round === round)?.[figure];
  const ratios = [...new Set(runs.map(({ round }) => round))]
    .map((round) => of(over, round) / of(under, round))
    .filter(Number.isFinite);
  return ratios.length ? { median: median(ratios), spread: spread(ratios) } : null;
}

export const middle = (rows, figure) => median(rows.map((r) => r[figure]));

/** Measures a cell alone and with further sockets, by turns. */
export async function compare(label, plainArgs, companyArgs, rounds) {
  const plain = [];
  const company = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await fresh('pairlink', (server) => load(server, label, plainArgs)));
    company.push(await fresh('pairlink', (server) => load(server, label, [...plainArgs, ...companyArgs])));
  }
  return { plain, company };
}
