/**
 * A folder of small files through whole programs: `pairlink send` and `receive`, and `tar | ssh tar` through an sshd on
 * this machine. tar leaves the files in memory; `receive` has put them on the disk when it ends. What was received
 * stays until the end of all rounds, because some file systems create files slowly after many were removed.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { binary, run, start, tempDir } from '../../support/process.js';
import { startRelay } from '../../support/relay.js';
import { SSHD, sshServer } from '../e2e.mjs';
import { number, percent, ratio } from '../format.mjs';
import { orStop } from '../servers.mjs';
import { median, spread } from '../statistics.mjs';

const BYTES = 1024;
const PER_FOLDER = 128;
const PATIENCE_MS = 600_000;
const SSH = ['-o', 'BatchMode=yes'];

async function makeFolder(folder, count) {
  for (let n = 0; n < count; n++) {
    const part = join(folder, `d${Math.floor(n / PER_FOLDER)}`);
    if (n % PER_FOLDER === 0) mkdirSync(part, { recursive: true });
    writeFileSync(join(part, `f${n}`), randomBytes(BYTES));
  }
  await run('sync', ['-f', folder], { ms: PATIENCE_MS }); // otherwise the first program would wait for it
}

/** Waits for the ends of the programs. When one fails, it ends the others. */
async function succeed(...programs) {
  try {
    for (const program of programs) {
      const { code } = await program.wait(PATIENCE_MS);
      if (code !== 0) throw new Error(`${program.commandLine}: ${code}\n${program.stderr.slice(-1000)}`);
    }
  } finally {
    await Promise.all(programs.map((program) => program.kill9()));
  }
}

async function tar(dir) {
  const server = await sshServer(dir);
  const script = 'tar -C "$0" -cf - . | "$@"';
  return {
    async transfer(from, to) {
      const there = ['ssh', ...SSH, ...server.options, server.destination, `tar -C ${to} -xf -`];
      await succeed(start('bash', ['-o', 'pipefail', '-c', script, from, ...there]));
      return to;
    },
    stop: () => server.stop(),
  };
}

async function pairlink(dir) {
  const relay = await startRelay();
  const program = binary('pairlink');
  const common = (name) => ['--relay', relay.ws, '--identity', join(dir, name)];
  const idOf = async (name) => (await run(program, [...common(name), 'id'])).stdout.trim();
  const [sender, receiver] = await orStop([relay], async () => [await idOf('sender'), await idOf('receiver')]);
  let turn = 0;
  return {
    async transfer(from, to) {
      // A new state: otherwise `receive` would copy the files that it has from the round before.
      const env = { XDG_STATE_HOME: join(dir, `state${turn++}`) };
      const receive = start(program, [...common('receiver'), 'receive', '--from', sender, '--yes', '--into', to], {
        env,
      });
      const send = start(program, [...common('sender'), 'send', '--to', receiver, from], { env });
      await succeed(send, receive);
      return join(to, 'many');
    },
    stop: () => relay.stop(),
  };
}

/** Measures all programs by turns, the other way round in every second round, and compares what arrived. */
async function byTurns(dir, programs, count, rounds) {
  const from = join(dir, `of${count}`, 'many');
  const seconds = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
  await makeFolder(from, count);
  for (let round = 0; round < rounds; round++) {
    const names = Object.keys(programs);
    for (const name of round % 2 ? names.reverse() : names) {
      const to = join(dir, `${name}-${count}-${round}`);
      mkdirSync(to);
      const began = performance.now();
      const arrived = await programs[name].transfer(from, to);
      seconds[name].push((performance.now() - began) / 1e3);
      const { code, stdout } = await run('diff', ['-r', from, arrived], { ms: PATIENCE_MS });
      if (code !== 0) throw new Error(`${name}: other files arrived than were sent: ${stdout.slice(0, 200)}`);
      await run('sync', ['-f', to], { ms: PATIENCE_MS });
    }
  }
  return seconds;
}

/** `slope` is a number of files that `send` and `receive` are measured with as well; 0: none. */
async function measure({ rounds = 3, quick = false, count = quick ? 200 : 10_000, slope = quick ? 0 : 100_000, left }) {
  const dir = tempDir('pairlink-small-');
  const programs = {};
  try {
    for (const [name, make] of Object.entries({ tar, pairlink })) {
      mkdirSync(join(dir, name));
      programs[name] = await make(join(dir, name));
    }
    const seconds = await byTurns(dir, programs, count, rounds);
    const ratios = seconds.pairlink.map((s, i) => s / seconds.tar[i]);
    const figures = { count, bytes: BYTES, seconds, ratio: median(ratios), ratio_spread: spread(ratios) };
    if (!slope || (left && left() < 60)) return figures;
    const { pairlink: many } = await byTurns(dir, { pairlink: programs.pairlink }, slope, 1);
    const us = (s, files) => (s / files) * 1e6;
    const [few_us, many_us] = [us(median(seconds.pairlink), count), us(many[0], slope)];
    return { ...figures, slope: { count: slope, seconds: many[0], few_us, many_us, ratio: many_us / few_us } };
  } finally {
    await Promise.all(Object.values(programs).map((program) => program.stop()));
    rmSync(dir, { recursive: true, force: true });
  }
}

export const SMALL_FILES = {
  name: 'small_files',
  group: 'programs',
  needs: 120,
  missing: () => (existsSync(SSHD) ? null : 'sshd'),
  measure,
  targets: (f) => [
    { what: `${number(f.count)} files of 1 KiB, to the time of tar over ssh`, reached: f.ratio, limit: 1.2 },
    ...(f.slope
      ? [
          {
            what: `time for each of ${number(f.slope.count)} small files, to that of ${number(f.count)}`,
            reached: f.slope.ratio,
            limit: 1.2,
          },
        ]
      : []),
  ],
  lines: (f) => [
    `${number(f.count)} files of 1 KiB by \`send\` and \`receive\`: ${number(median(f.seconds.pairlink))} s, on the disk at the end; by \`tar | ssh tar\`: ${number(median(f.seconds.tar))} s, in memory at the end: ${ratio(f.ratio)} (${percent(f.ratio_spread)}).`,
    ...(f.slope
      ? [
          `${number(f.slope.count)} of them take ${number(f.slope.many_us)} µs each, ${number(f.count)} take ${number(f.slope.few_us)} µs: ${ratio(f.slope.ratio)}.`,
        ]
      : []),
  ],
};
