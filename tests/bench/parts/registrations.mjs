/** What a table of a million registrations costs at the start and at logins. */
import { join } from 'node:path';
import { run, tempDir } from '../../support/process.js';
import { number } from '../format.mjs';
import { load } from '../servers.mjs';
import { median } from '../statistics.mjs';
import { PATIENT, fresh } from './common.mjs';

const ROWS = 1_000_000;

/**
 * Measures what a table of a million registrations costs at the start and at logins of known and new IDs. SQLite itself
 * makes the rows. They were seen recently, because the relay would delete old ones.
 */
async function measure({ rounds }) {
  const none = () => ({ start_ms: [], known: [], fresh: [] });
  const figures = { empty: none(), full: none() };
  const dirs = { empty: join(tempDir('pairlink-bench-'), 'data'), full: join(tempDir('pairlink-bench-'), 'data') };
  const start = async (name) => {
    const began = performance.now();
    await fresh(
      'pairlink',
      async (server) => {
        figures[name].start_ms.push(performance.now() - began);
        const row = await load(server, 'pairlink', ['--storm', 2_000, '--again', ...PATIENT]);
        figures[name].fresh.push(row.cpu_us);
        figures[name].known.push(row.again_cpu_us);
      },
      { data: dirs[name] },
    );
  };
  await fresh('pairlink', async () => {}, { data: dirs.full });
  const fill = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS}) INSERT INTO registrations (id, first_seen, last_seen) SELECT randomblob(32), unixepoch() - i % 86400, unixepoch() - i % 86400 FROM n`;
  const script = 'import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute(sys.argv[2]); d.commit(); d.close()';
  const { code, stderr } = await run('python3', ['-c', script, join(dirs.full, 'relay.db'), fill], { ms: 120_000 });
  if (code !== 0) throw new Error(`filling the registrations: ${stderr}`);
  for (let round = 0; round < rounds; round++) for (const name of ['empty', 'full']) await start(name);
  const figuresOf = ({ start_ms, known, fresh: first }) => ({
    start_ms: median(start_ms),
    login_cpu_us: median(known),
    first_login_cpu_us: median(first),
  });
  return { rows: ROWS, empty: figuresOf(figures.empty), full: figuresOf(figures.full) };
}

const toEmpty = (f, figure) => f.full[figure] / f.empty[figure];

export const REGISTRATIONS = {
  name: 'registrations',
  needs: 25,
  measure,
  targets: (f) => [
    {
      what: 'CPU of a login, a million registrations to an empty table: known ID',
      reached: toEmpty(f, 'login_cpu_us'),
      limit: 1.25,
    },
    { what: '… new ID, which is written', reached: toEmpty(f, 'first_login_cpu_us'), limit: 1.25 },
  ],
  lines: (f) => [
    `Start with an empty table ${number(f.empty.start_ms)} ms, with ${number(f.rows)} rows ${number(f.full.start_ms)} ms; CPU of a login of a known ID ${number(f.empty.login_cpu_us)} and ${number(f.full.login_cpu_us)} µs, of a new one ${number(f.empty.first_login_cpu_us)} and ${number(f.full.first_login_cpu_us)} µs.`,
  ],
};
