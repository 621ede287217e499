/** Measures how much the resident memory of a server grows for each idle socket. */
import { MEMORY } from './cells.mjs';
import { PATIENT, fresh } from './parts/common.mjs';
import { load } from './servers.mjs';
import { median } from './statistics.mjs';

const IDLE = 15_000;

/** Measures how much the server's resident memory grows for each socket that has greeted and stays silent. */
export async function measureMemory({ wanted, quick, rounds, progress }) {
  const memory = {};
  for (const label of MEMORY.filter(wanted)) {
    const sockets = quick ? 2_000 : label.startsWith('pairlink') ? IDLE : 5_000;
    const values = [];
    for (let round = 0; round < rounds; round++) {
      progress(`memory of idle sockets: ${label}`);
      const row = await fresh(label, (server) =>
        load(server, label, ['--pairs', 1, '--idle', sockets, '--seconds', 0.1, ...PATIENT]),
      );
      values.push(row.kb_per_socket);
    }
    memory[label] = { kb_per_socket: median(values), sockets };
  }
  return memory;
}
