/**
 * One file through whole programs on this machine: `pairlink` (end-to-end encrypted, through the relay), scp, and
 * magic-wormhole through its own transit relay. `pairlink` is `connect` and `listen`, a pipe into a file; `pairlink
 * files` is `send` and `receive`, which also check SHA-256 and put the file safely on the disk. A time runs from the
 * start of the sending program to the end of both programs. Programs take turns. Nothing is pinned to a core.
 *
 * The CPU of a transfer is that of the sending side, of the receiving side and of the server between them. It does not
 * depend on how many cores there are, so it tells what two machines would do, too.
 */
import { createHash, randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { userInfo } from 'node:os';
import { binary, run, start, tempDir, until, within } from '../support/process.js';
import { startRelay } from '../support/relay.js';
import { inTurn, median } from './statistics.mjs';
import { GENERATOR_CORE, START, load, orStop, pinned } from './servers.mjs';

const MiB = 1 << 20;
const PATIENCE_MS = 300_000;
const TICKS = 100; // a second, in /proc

function makeFile(path, bytes) {
  const fd = openSync(path, 'w');
  for (let left = bytes; left > 0; left -= MiB) writeSync(fd, randomBytes(Math.min(MiB, left)));
  fsyncSync(fd); // otherwise the first transfer would wait for this file's way to the disk
  closeSync(fd);
}

async function hashOf(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MiB })) hash.update(chunk);
  return hash.digest('hex');
}

/** Returns the seconds of CPU of a process, and of those of its children that have ended. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')
    .map(Number);
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15);
  return { own: (user + system) / TICKS, ended: (childrenUser + childrenSystem) / TICKS };
}

/** Returns the CPU so far of the servers, of what they started, and of all programs that have ended. */
function cpuOfAll(servers) {
  const sum = servers.reduce((total, pid) => total + cpuOf(pid).own + cpuOf(pid).ended, 0);
  return sum + cpuOf('self').ended;
}

/** Waits until none of these servers has a child: an sshd has one for each connection. */
async function withoutChildren(servers) {
  const has = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim() !== '';
  await until(() => !servers.some(has), 'no server keeps a connection', { ms: PATIENCE_MS, interval_ms: 10 });
}

/**
 * Starts a program with files as its standard input and output. `ended` resolves when it exits with 0. `end` kills it
 * unless it has ended, and waits for that.
 */
export function piped(command, args, { input, output, env = {} } = {}) {
  const files = [input ? openSync(input, 'r') : 'ignore', output ? openSync(output, 'w') : 'ignore'];
  const child = spawn(command, args, { stdio: [...files, 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-2000)));
  for (const fd of files) if (typeof fd === 'number') closeSync(fd);
  const ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) =>
      code === 0 ? done() : fail(new Error(`${command} ${args.join(' ')} ended with ${code ?? signal}: ${said}`)),
    );
  });
  const soon = within(ended, `end of ${command}`, PATIENCE_MS);
  soon.catch(() => {});
  return {
    pid: child.pid,
    ended: soon,
    end: () => {
      child.kill('SIGKILL');
      return within(ended, `end of ${command}`).catch(() => {}); // `soon` has told of it
    },
  };
}

/** Starts the programs one after the other and waits for the ends of all. When one fails, it ends the others. */
export async function together(...starts) {
  const programs = [];
  try {
    for (const launch of starts) programs.push(launch());
    await Promise.all(programs.map(({ ended }) => ended));
  } finally {
    await Promise.all(programs.map((program) => program.end()));
  }
}

/** Starts a relay and makes two identities. Returns how to start a program of each. */
async function people(dir) {
  const relay = await startRelay();
  const program = binary('pairlink');
  const env = { XDG_STATE_HOME: join(dir, 'state'), XDG_CONFIG_HOME: join(dir, 'config') };
  const common = (name) => ['--relay', relay.ws, '--identity', join(dir, name)];
  const idOf = async (name) => {
    const { code, stdout, stderr } = await run(program, [...common(name), 'id'], { env });
    if (code !== 0) throw new Error(`pairlink id ended with ${code}: ${stderr}`);
    return stdout.trim();
  };
  const ids = await orStop([relay], async () => ({ sender: await idOf('sender'), receiver: await idOf('receiver') }));
  return {
    ids,
    start: (name, args, files) => piped(program, [...common(name), ...args], { ...files, env }),
    servers: [relay.pid],
    stop: () => relay.stop(),
  };
}

/** Starts the receiving program, then the sending one. Returns the seconds from the second start to both ends. */
async function timed(startReceiver, startSender) {
  let began;
  await together(startReceiver, () => {
    began = performance.now();
    return startSender();
  });
  return (performance.now() - began) / 1e3;
}

async function pairlink(dir) {
  const { ids, start: launch, servers, stop } = await people(dir);
  return {
    transfer: (from, to) =>
      timed(
        () => launch('receiver', ['listen', '--accept', 'all'], { output: to, input: '/dev/null' }),
        () => launch('sender', ['connect', ids.receiver], { input: from }),
      ),
    servers,
    stop,
  };
}

async function pairlinkFiles(dir) {
  const { ids, start: launch, servers, stop } = await people(dir);
  return {
    async transfer(from, to) {
      const folder = join(dir, 'into');
      mkdirSync(folder, { recursive: true });
      const seconds = await timed(
        () => launch('receiver', ['receive', '--from', ids.sender, '--yes', '--into', folder]),
        () => launch('sender', ['send', '--to', ids.receiver, from]),
      );
      renameSync(join(folder, basename(from)), to);
      return seconds;
    },
    servers,
    stop,
  };
}

/** The sshd that Debian installs. */
export const SSHD = '/usr/sbin/sshd';

/** Starts an sshd on this machine. Returns its destination, and the options of ssh and scp that lead to it. */
export async function sshServer(dir) {
  const host = join(dir, 'host');
  const key = join(dir, 'key');
  for (const file of [host, key]) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  await run('cp', [`${key}.pub`, join(dir, 'authorized')]);
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true }); // sshd requires it
  const port = 20_000 + Math.floor(Math.random() * 10_000); // sshd cannot let the system choose
  const options = [
    `Port=${port}`,
    'ListenAddress=127.0.0.1',
    `HostKey=${host}`,
    `AuthorizedKeysFile=${join(dir, 'authorized')}`,
    'UsePAM=no',
    'StrictModes=no',
    'PidFile=none',
    'PermitRootLogin=yes',
    'Subsystem=sftp internal-sftp',
  ];
  const daemon = start(SSHD, ['-D', '-e', '-f', '/dev/null', ...options.flatMap((o) => ['-o', o])]);
  await orStop([daemon], () => daemon.waitFor(/Server listening on/));
  return {
    destination: `${userInfo().username}@127.0.0.1`,
    options: [
      `Port=${port}`,
      `IdentityFile=${key}`,
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
    ].flatMap((o) => ['-o', o]),
    servers: [daemon.pid],
    stop: () => daemon.stop(),
  };
}

async function scp(dir) {
  const server = await sshServer(dir);
  return {
    async transfer(from, to) {
      const began = performance.now();
      await together(() => piped('scp', ['-q', ...server.options, from, `${server.destination}:${to}`]));
      return (performance.now() - began) / 1e3;
    },
    servers: server.servers,
    stop: () => server.stop(),
  };
}

async function wormhole(dir) {
  const twisted = (...args) => start('twistd3', ['-n', '--pidfile=', ...args], { cwd: dir });
  const local = 'tcp:0:interface=127.0.0.1';
  const mailbox = twisted('wormhole-mailbox', '--port', local, '--channel-db', join(dir, 'mailbox.sqlite'));
  const transit = twisted('transitrelay', '--port', local);
  const port = async (program) => (await program.waitFor(/starting on (\d+)/))[1];
  const common = await orStop([mailbox, transit], async () => [
    '--relay-url',
    `ws://127.0.0.1:${await port(mailbox)}/v1`,
    '--transit-helper',
    `tcp:127.0.0.1:${await port(transit)}`,
  ]);
  return {
    async transfer(from, to) {
      const code = `${1 + Math.floor(Math.random() * 1e6)}-benchmark-file`;
      const began = performance.now();
      const quiet = ['--hide-progress', '--no-listen'];
      await together(
        () => piped('wormhole', [...common, 'send', ...quiet, '--code', code, from]),
        () => piped('wormhole', [...common, 'receive', ...quiet, '--accept-file', '-o', to, code]),
      );
      return (performance.now() - began) / 1e3;
    },
    servers: [mailbox.pid, transit.pid],
    stop: () => Promise.all([mailbox.stop(), transit.stop()]),
  };
}

const PROGRAMS = { pairlink, 'pairlink files': pairlinkFiles, scp, wormhole };

/** Measures one round with each program. The number of the round decides which of them is the first. */
export async function measureTransfers({ bytes, round, only }) {
  const dir = tempDir('pairlink-e2e-');
  const from = join(dir, 'file');
  makeFile(from, bytes);
  const hash = await hashOf(from);
  const names = Object.keys(PROGRAMS).filter((name) => !only || only.includes(name));
  const living = {};
  const runs = [];
  try {
    for (const name of names) {
      mkdirSync(join(dir, name));
      living[name] = await PROGRAMS[name](join(dir, name));
    }
    for (const name of inTurn(names, round - 1)) {
      const to = join(dir, `${name}.out`);
      const { transfer, servers } = living[name];
      const before = cpuOfAll(servers);
      const seconds = await transfer(from, to);
      await withoutChildren(servers);
      const cpu = cpuOfAll(servers) - before;
      if (!existsSync(to) || (await hashOf(to)) !== hash)
        throw new Error(`${name}: another file arrived than was sent`);
      rmSync(to); // its way to the disk would disturb the next program
      runs.push({ round, program: name, bytes, seconds, mb_per_s: bytes / 1e6 / seconds, cpu_s: cpu });
    }
  } finally {
    await Promise.all(Object.values(living).map((it) => it.stop()));
  }
  return runs;
}

/** Measures round trips of 64 bytes between two clients through the relay and, for comparison, of bare TCP through the
 * forwarder, and the throughput of a session without pipes and files. The server has one core, both ends share a thread
 * on the other. */
export async function measureClients({ rounds, seconds = 1 }) {
  const dir = tempDir('pairlink-e2e-');
  const relay = await START.pairlink();
  const raw = await orStop([relay], () => START.raw());
  const client = async (kind, size) => {
    const [head, ...rest] = [
      ...pinned(GENERATOR_CORE),
      binary('pl-bench-client'),
      relay.relay.ws,
      dir,
      kind,
      String(seconds),
      String(size),
    ];
    const { code, stdout, stderr } = await run(head, rest);
    if (code !== 0) throw new Error(`pl-bench-client: ${stderr}`);
    return JSON.parse(stdout);
  };
  const rows = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      const there = await client('rounds', 64);
      const bare = await load(raw, 'raw', ['--pairs', 1, '--window', 1, '--size', 64, '--seconds', seconds]);
      const bytes = await client('bytes', 65_536);
      rows.push({
        round,
        p50_us: there.p50_us,
        p99_us: there.p99_us,
        raw_p50_us: bare.p50_us,
        raw_p99_us: bare.p99_us,
        ratio: there.p50_us / bare.p50_us,
        mb_per_s: bytes.mb_per_s,
      });
    }
  } finally {
    await Promise.all([relay.stop(), raw.stop()]);
  }
  const middle = (figure) => median(rows.map((r) => r[figure]));
  return {
    rows,
    p50_us: middle('p50_us'),
    p99_us: middle('p99_us'),
    raw_p50_us: middle('raw_p50_us'),
    ratio: middle('ratio'),
    mb_per_s: middle('mb_per_s'),
  };
}
