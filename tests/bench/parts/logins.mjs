/** Logins of new and of known IDs on one core, and what their signatures alone cost in the same run. */
import { number, percent } from '../format.mjs';
import { GENERATOR_CORE, SERVER_CORE, load, pinned } from '../servers.mjs';
import { median, spread } from '../statistics.mjs';
import { binary, start } from '../../support/process.js';
import { PATIENT, fresh } from './common.mjs';

const LOGINS = 4_000;
const SIGNATURES = 4_000;

async function signaturesOn(core, count) {
  const args = ['--server', 'pairlink', '--port', '1', '--signatures', String(count)];
  const [head, ...rest] = [...pinned(core), binary('pl-bench-load'), ...args];
  const child = start(head, rest);
  await child.wait();
  return JSON.parse(child.stdout);
}

/** Measures them on the server's core while the generator's core does the same, because it is as busy in a storm. */
async function signatures(count) {
  const [own] = await Promise.all([signaturesOn(SERVER_CORE, count), signaturesOn(GENERATOR_CORE, count)]);
  return own;
}

const perSecond = (us) => 1e6 / us;

async function measure({ rounds, logins = LOGINS, signings = SIGNATURES }) {
  const rows = [];
  for (let round = 0; round < rounds; round++) {
    const { cpu_us: first, again_cpu_us: known } = await fresh('pairlink', (server) =>
      load(server, 'pairlink', ['--storm', logins, '--again', ...PATIENT]),
    );
    const { sign_us, verify_us, check_us } = await signatures(signings);
    rows.push({ first, known, ed25519: sign_us + verify_us, check: check_us });
  }
  const of = (figure) => rows.map((row) => row[figure]);
  return {
    logins,
    new_cpu_us: median(of('first')),
    new_spread: spread(of('first')),
    known_cpu_us: median(of('known')),
    known_spread: spread(of('known')),
    ed25519_us: median(of('ed25519')),
    key_check_us: median(of('check')),
  };
}

export const LOGINS_PER_CORE = {
  name: 'logins',
  needs: 25,
  measure,
  targets: (f) => [
    {
      what: 'logins of new IDs, a second and core',
      reached: perSecond(f.new_cpu_us),
      limit: 4500,
      unit: '/s',
      atLeast: true,
    },
    { what: '… of known IDs', reached: perSecond(f.known_cpu_us), limit: 7000, unit: '/s', atLeast: true },
  ],
  lines: (f) => [
    `CPU of a login of a new ID ${number(f.new_cpu_us)} µs (${percent(f.new_spread)}), of a known one ${number(f.known_cpu_us)} µs (${percent(f.known_spread)}). Ed25519 alone takes ${number(f.ed25519_us)} µs of either in the same run, one signature and one verification, and the check of a new ID's key ${number(f.key_check_us)} µs.`,
  ],
};
