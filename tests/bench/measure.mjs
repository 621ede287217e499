/** Runs rounds of cells and describes the machine. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { cellArgs } from './cells.mjs';
import { LABELS, START, isPinned, load } from './servers.mjs';
import { inTurn } from './statistics.mjs';

export const machine = () => ({
  cores: cpus().length,
  memory_gib: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  load_before: loadavg()[0],
  pinned: isPinned,
});

/** Runs all rounds of all cells. Servers take turns, so that a disturbance of the machine affects all of them. */
export async function measureCells(
  cells,
  { rounds, seconds, wanted = () => true, progress = () => {}, go = () => true },
) {
  const runs = [];
  const living = new Map();
  try {
    for (let round = 1; round <= rounds && go(round); round++) {
      for (const cell of cells) {
        for (const label of inTurn(cell.servers.filter(wanted), round)) {
          const key = LABELS[label].start;
          if (!living.has(key)) living.set(key, await START[key]());
          progress(`round ${round} of ${rounds}: ${cell.name}, ${label}`);
          const row = await load(living.get(key), label, cellArgs(cell, { seconds, warmup: Math.min(0.2, seconds) }));
          runs.push({ round, cell: cell.name, ...row });
        }
      }
    }
  } finally {
    for (const server of living.values()) await server.stop();
  }
  progress('');
  return runs;
}
