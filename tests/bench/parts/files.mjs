/**
 * Real files: one of a gigabyte by `send` and `receive`, in turns with scp and magic-wormhole, its speed and its CPU; one
 * between two pages.
 */
import { measureTransfers } from '../e2e.mjs';
import { number, percent, ratio } from '../format.mjs';
import { measurePageFile } from '../page.mjs';
import { median } from '../statistics.mjs';
import { compareRounds } from './common.mjs';

const MiB = 1 << 20;
const OURS = 'pairlink files';
const RIVALS = { scp: 'scp', wormhole: 'magic-wormhole' };

/** `left()` returns the seconds that remain for all parts: a slow machine gets fewer rounds. */
async function files({ rounds, quick, bytes = (quick ? 64 : 1024) * MiB, only, left = () => Infinity }) {
  const programs = [OURS, ...Object.keys(RIVALS)].filter((name) => !only || only.includes(name));
  const runs = [];
  for (let round = 1; round <= rounds && (round === 1 || left() > 150); round++)
    runs.push(...(await measureTransfers({ bytes, round, only: programs })));
  const of = (name) => runs.filter((r) => r.program === name).map((r) => r.mb_per_s);
  const cpu = (name) => runs.filter((r) => r.program === name).map((r) => (r.cpu_s * 1024 * MiB) / bytes);
  const toRivals = (compare) =>
    Object.fromEntries(
      Object.keys(RIVALS)
        .map((name) => [name, compare(name)])
        .filter(([, compared]) => compared),
    );
  return {
    bytes,
    rounds: of(programs[0]).length,
    runs,
    medians: Object.fromEntries(programs.map((name) => [name, median(of(name))])),
    cpu_s_per_gib: Object.fromEntries(programs.map((name) => [name, median(cpu(name))])),
    cpu_ratios: toRivals((name) => compareRounds(runs, name, OURS, 'cpu_s')),
    ratios: toRivals((name) => compareRounds(runs, OURS, name, 'mb_per_s')),
  };
}

const size = (bytes) => (bytes >= 1024 * MiB ? `${number(bytes / (1024 * MiB))} GiB` : `${number(bytes / MiB)} MiB`);

const cpuLine = (cpu, ratios) =>
  `CPU of both ends and the server between them, seconds for a GiB: ${Object.entries(cpu)
    .map(([name, v]) => `${name === OURS ? 'pairlink' : name} ${number(v)}`)
    .join(', ')}${Object.entries(ratios)
    .map(([rival, r], i) => `${i ? ',' : ':'} ${RIVALS[rival]} takes ${ratio(r.median)} (${percent(r.spread)})`)
    .join('')}.`;

export const FILES = {
  name: 'files',
  group: 'programs',
  needs: 45,
  measure: files,
  targets: ({ bytes, ratios }) =>
    [
      ['scp', 1.5],
      ['wormhole', 3],
    ]
      .filter(([rival]) => ratios[rival])
      .map(([rival, limit]) => ({
        what: `${size(bytes)} by send and receive, to ${RIVALS[rival]}`,
        reached: ratios[rival].median,
        limit,
        atLeast: true,
      })),
  lines: ({ bytes, rounds, medians, ratios, cpu_s_per_gib: cpu, cpu_ratios: cpuRatios }) => [
    `A file of ${size(bytes)} by \`send\` and \`receive\`, MB/s: ${Object.entries(medians)
      .map(([name, v]) => `${name === OURS ? 'pairlink' : name} ${number(v)}`)
      .join(', ')}${Object.entries(ratios)
      .map(([rival, r], i) => `${i ? ',' : ':'} ${ratio(r.median)} ${RIVALS[rival]} (${percent(r.spread)})`)
      .join('')}, ${rounds} round${rounds === 1 ? '' : 's'}.`,
    ...(cpu ? [cpuLine(cpu, cpuRatios)] : []),
  ],
};

export const PAGE_FILES = {
  name: 'page_files',
  group: 'pages',
  needs: 40,
  measure: ({ rounds, quick, bytes = (quick ? 16 : 128) * MiB }) =>
    measurePageFile({ rounds: Math.min(3, rounds), bytes }),
  targets: () => [],
  lines: ({ bytes, mb_per_s: speed, rounds }) => [
    `A file of ${size(bytes)} from page to page, as a person sends it, from *Accept* until both pages show it as saved: ${number(speed)} MB/s (median of ${rounds}).`,
  ],
};
