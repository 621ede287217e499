/** Disks that are full or read-only, a locked database, and the permissions of the data folder. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { REASON, helloPeer, loggedIn, loginPayload, makeIdentity } from '../support/login.js';
import { binary, run, start, tempDir } from '../support/process.js';
import { rawHttp } from '../support/raw.js';
import { runRelay, startRelay } from '../support/relay.js';

let relay;
afterEach(async () => {
  if (relay?.process.running) expect((await relay.stop()).code, relay.log).toBe(0);
  relay = undefined;
});

const health = async () =>
  (await rawHttp(relay.port, `GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:${relay.port}\r\n\r\n`)).body.toString();

/** Makes every write to a file fail, as on a full disk, or allows them again. This affects root, too. */
const disk = (full) =>
  run('prlimit', ['--pid', String(relay.pid), full ? '--fsize=0:unlimited' : '--fsize=unlimited:unlimited']);

/** Logs in with a new ID. Returns 0, or the reason of the refusal. */
async function newcomer() {
  const peer = await helloPeer(relay.port);
  peer.send(2, loginPayload(makeIdentity(), peer.hello));
  const answer = await peer.next();
  const reason = answer.type === 3 ? 0 : answer.payload.readUInt16BE(0);
  peer.close();
  return reason;
}

async function knowsAgain(identity) {
  const peer = await loggedIn(relay.port, { identity });
  peer.close();
  return peer.registration === 1;
}

describe('a full disk', () => {
  test('while it runs: known IDs get in, new ones are told why, one log line, recovery', async () => {
    relay = await startRelay({ args: ['--workers', '2'] });
    const known = makeIdentity();
    (await loggedIn(relay.port, { identity: known })).close();
    expect(await health()).toBe('ok\n');
    await disk(true);
    for (let i = 0; i < 20; i++) {
      expect(await newcomer()).toBe(REASON.STORE);
      expect(await knowsAgain(known)).toBe(true);
    }
    expect(await health()).toBe('store: failing\n');
    expect(relay.log.match(/warn event=store-failing what=writing /g)).toHaveLength(1);
    expect(relay.log).not.toMatch(/error event=/);
    await disk(false);
    await relay.process.waitFor(/info event=store-works what=writing refused=\d+/, { stream: 'stderr' });
    expect(await newcomer()).toBe(0);
    expect(await health()).toBe('ok\n');
  });

  test('the command gives up with its own exit code, unless its ID is known', async () => {
    relay = await startRelay();
    const known = newIdentity();
    await idOf(known); // creates the identity
    (await loggedIn(relay.port, { identity: makeIdentity(readFileSync(known)) })).close();
    await disk(true);
    const refused = await runCli({ relay }, ['--relay-wait', '1', 'listen']);
    expect(refused.code, refused.stderr).toBe(10);
    expect(refused.stderr).toContain('cannot store new IDs');
    const json = await runCli({ relay }, ['--relay-wait', '1', 'pair', '--json']);
    expect(json.code, json.stderr).toBe(10);
    expect(JSON.parse(json.stdout.trim().split('\n').at(-1))).toMatchObject({ event: 'error', error: 'relay_store' });
    expect(refused.stderr).not.toMatch(/does not answer|connection was lost/);
    const listen = startCli({ relay, identity: known }, '--verbose', 'listen');
    await listen.waitFor(/Connected to the relay/, { stream: 'stderr' });
    await listen.stop();
    await disk(false);
  });

  test('at the start: exit code 1 and the name of the file, for a new folder and an old one', async () => {
    const data = join(tempDir(), 'data');
    const refused = async () => {
      const { code, signal, stderr, stdout } = await run('prlimit', [
        '--fsize=0:0',
        binary('pairlink-relay'),
        '--listen',
        '127.0.0.1:0',
        '--data',
        data,
      ]);
      expect({ code, signal }, stderr).toEqual({ code: 1, signal: null });
      expect(stderr).toMatch(/pairlink-relay: .*relay\.(key: File too large|db: disk I\/O error \(File too large\))/);
      expect(stdout).toBe('');
    };
    await refused();
    expect(readdirSync(data).filter((name) => name.startsWith('relay.key'))).toEqual([]);
    relay = await startRelay({ data });
    (await loggedIn(relay.port)).close();
    await relay.stop();
    await refused();
  });
});

test('while the database is locked, known IDs do not wait, and new ones get in when it is free', async () => {
  relay = await startRelay();
  const known = makeIdentity();
  (await loggedIn(relay.port, { identity: known })).close();
  const holder = start('python3', [
    '-c',
    `import sqlite3,sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.readline()
c.execute('COMMIT')`,
    join(relay.data, 'relay.db'),
  ]);
  await holder.waitFor('held', { stream: 'stdout' });
  let decided = false;
  const waiting = newcomer().finally(() => (decided = true));
  for (let i = 0; i < 20; i++) expect(await knowsAgain(known)).toBe(true);
  expect(decided).toBe(false);
  holder.end('\n');
  expect((await holder.wait()).code).toBe(0);
  expect([0, REASON.STORE]).toContain(await waiting); // STORE on a machine that stalled for seconds
  expect(await newcomer()).toBe(0);
});

describe('the data folder', () => {
  const mode = (path) => (statSync(path).mode & 0o777).toString(8);
  const refused = async (data, pattern, args = []) => {
    const { code, signal, stderr } = await runRelay(['--listen', '127.0.0.1:0', '--data', data, ...args]);
    expect({ code, signal }, stderr).toEqual({ code: 1, signal: null });
    expect(stderr).toMatch(pattern);
    return stderr;
  };

  test('everything in it is for its user only, whatever the umask and the files of an older relay', async () => {
    relay = await startRelay({ wrap: ['sh', '-c', 'umask 000; exec "$@"', 'sh'] });
    (await loggedIn(relay.port)).close();
    const names = readdirSync(relay.data).sort();
    expect(names).toEqual(['relay.db', 'relay.db-shm', 'relay.db-wal', 'relay.key', 'relay.lock']);
    for (const name of names) expect(mode(join(relay.data, name)), name).toBe('600');
    await relay.kill9();
    for (const name of names.filter((n) => n.startsWith('relay.db'))) chmodSync(join(relay.data, name), 0o644);
    await relay.launch();
    for (const name of names) expect(mode(join(relay.data, name)), name).toBe('600');
  });

  test('is refused when others may write to it, with what to do', async () => {
    const data = join(tempDir(), 'data');
    mkdirSync(data);
    chmodSync(data, 0o777);
    await refused(data, /mode 0777[^]*chmod 700/);
    await refused(data, /mode 0777[^]*chmod 700/, ['token', 'list']);
    expect(readdirSync(data)).toEqual([]);
    chmodSync(data, 0o700);
    relay = await startRelay({ data });
  });

  test('has one relay at a time; a second one names the process', async () => {
    relay = await startRelay();
    await refused(relay.data, new RegExp(`another relay uses the data folder ${relay.data}: process ${relay.pid}\\b`));
    expect((await runRelay(['--data', relay.data, 'token', 'list'])).code).toBe(0);
    await relay.restart({ hard: true }); // a killed relay leaves no lock
  });

  test('a key file that is a dangling link, or all zeros, is refused and not replaced', async () => {
    relay = await startRelay();
    const { data, id } = relay;
    await relay.stop();
    const key = join(data, 'relay.key');
    const elsewhere = join(tempDir(), 'key');
    await run('mv', [key, elsewhere]);
    symlinkSync(elsewhere, key);
    await relay.launch();
    expect(relay.id).toBe(id); // a link to a key file is accepted
    await relay.stop();
    await run('mv', [elsewhere, `${elsewhere}.away`]);
    await refused(data, /relay\.key: a symbolic link to nothing/);
    expect(lstatSync(key).isSymbolicLink()).toBe(true);
    await run('rm', [key]);
    writeFileSync(key, Buffer.alloc(32), { mode: 0o600 });
    await refused(data, /relay\.key: not a relay key/);
    expect(readFileSync(key).equals(Buffer.alloc(32))).toBe(true);
  });
});

test.runIf(process.getuid() === 0)(
  'no core dump of it can be made, and no process of its user looks into it',
  async () => {
    const dir = tempDir();
    chmodSync(dir, 0o755);
    const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
    for (const name of ['pairlink-relay', 'pairlink']) {
      await run('cp', [binary(name), join(dir, name)]);
      chmodSync(join(dir, name), 0o755);
    }
    const data = join(tempDir(), 'data');
    mkdirSync(data, { mode: 0o700 });
    chmodSync(join(data, '..'), 0o755);
    await run('chown', ['65534:65534', data]);
    relay = await startRelay({ wrap: ['setpriv', ...nobody], program: join(dir, 'pairlink-relay'), data });
    const client = start(
      'setpriv',
      [...nobody, join(dir, 'pairlink'), '--relay', relay.ws, '--identity', join(data, 'identity'), 'listen'],
      { env: { HOME: data } },
    );
    await client.waitFor(/listening|ID/i, { stream: 'stderr' });
    for (const { pid } of [relay, client]) {
      expect(readFileSync(`/proc/${pid}/limits`, 'latin1')).toMatch(/^Max core file size +0 +0 /m);
      expect(statSync(`/proc/${pid}/environ`).uid, 'the owner there is root when it cannot be dumped').toBe(0);
      expect(readFileSync(`/proc/${pid}/status`, 'latin1')).toMatch(/^Uid:\t65534\t/m);
    }
    await client.stop();
  },
);
