/** What several parts of the benchmark share. */
import { START, load } from '../servers.mjs';
import { median } from '../statistics.mjs';

/** Arguments of the generator for a server that needs time to take thousands of sockets. */
export const PATIENT = ['--patience', 120];

/** Runs `measure` against its own server. */
export async function fresh(key, measure, options) {
  const server = await START[key](options);
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
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
