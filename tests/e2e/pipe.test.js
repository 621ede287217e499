/** The command line on both sides: `pairlink listen` and `pairlink connect` connect two pipes through the real relay. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { clientsOf, event, online } from '../support/js_client.js';
import { run, tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';

let relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(async () => {
  expect((await relay.stop()).code, relay.log).toBe(0);
});

/** Two identities, the second listening: `{caller, callee, id, listen}`. */
async function listening(...args) {
  const callee = newIdentity();
  const id = await idOf(callee);
  return {
    callee,
    id,
    listen: startCli({ relay, identity: callee }, 'listen', ...(args.length ? args : ['--accept', 'all'])),
  };
}

describe('an identity', () => {
  test('is created when missing, private to its owner, and stays the same', async () => {
    const identity = newIdentity();
    const first = await idOf(identity);
    expect(first).toMatch(/^[a-z2-7]{54}$/);
    expect(statSync(identity).mode & 0o777).toBe(0o600);
    expect(await idOf(identity)).toBe(first);
  });

  test('`id` prints the ID alone on a line', async () => {
    const { stdout } = await runCli({ identity: newIdentity() }, ['id']);
    expect(stdout).toMatch(/^[a-z2-7]{54}\n$/);
  });

  test('that other users can read is refused', async () => {
    const identity = newIdentity();
    await idOf(identity);
    await run('chmod', ['644', identity]);
    const { code, stderr } = await runCli({ identity }, ['id']);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/0600|mode|rights/);
  });
});

describe('two pipes', () => {
  test('hello arrives, nothing else is on stdout, both end with 0', async () => {
    const { id, listen } = await listening();
    listen.end();
    const connect = startCli({ relay }, 'connect', id);
    connect.end('hello');
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(listen.stdout).toBe('hello');
    expect(connect.stdout).toBe('');
  });

  test('connect waits for a peer that is not there yet', async () => {
    const callee = newIdentity();
    const connect = startCli({ relay }, 'connect', await idOf(callee));
    connect.end('early');
    // It says that it waits: only then does the other side start.
    await connect.waitFor(/wait|not there|unavailable|offline/i, { stream: 'stderr' });
    const listen = startCli({ relay, identity: callee }, 'listen', '--accept', 'all');
    listen.end();
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(listen.stdout).toBe('early');
  });

  test('both directions work at the same time, and each chunk arrives immediately', async () => {
    const { id, listen } = await listening();
    const connect = startCli({ relay }, 'connect', id);
    for (let i = 0; i < 10; i++) {
      await connect.write(`question ${i};`);
      await listen.waitFor(`question ${i};`, { stream: 'stdout' });
      await listen.write(`answer ${i};`);
      await connect.waitFor(`answer ${i};`, { stream: 'stdout' });
    }
    connect.end();
    listen.end();
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
  });

  test('the end of one direction leaves the other open', async () => {
    const { id, listen } = await listening();
    const connect = startCli({ relay }, 'connect', id);
    connect.end('all of mine');
    await listen.waitFor('all of mine', { stream: 'stdout' });
    await listen.write('first ');
    await connect.waitFor('first ', { stream: 'stdout' });
    listen.end('second');
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(connect.stdout).toBe('first second');
  });

  test('a program whose poll fails does not end with success', async () => {
    const { id, listen } = await listening();
    const connect = startCli({ relay }, 'connect', id);
    await connect.write('one');
    await listen.waitFor('one', { stream: 'stdout' });
    await run('prlimit', ['--pid', String(connect.pid), '--nofile=1:']); // fewer than it polls
    await connect.write('two').catch(() => {}); // wakes it, unless something else has: then it may be over already
    const { code } = await connect.wait();
    expect(code, connect.stderr).toBe(1);
    expect(connect.stderr).toMatch(/cannot continue/);
    await listen.kill9();
  });

  test('every byte value passes unchanged', async () => {
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      randomBytes(300_000),
      Buffer.from('\0\r\n\x1a\x04'),
    ]);
    const { id, listen } = await listening();
    listen.end();
    const connect = startCli({ relay }, 'connect', id);
    connect.end(bytes);
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    await listen.wait();
    expect(listen.stdoutBytes.equals(bytes)).toBe(true);
  });

  test('empty input passes, too', async () => {
    const { id, listen } = await listening();
    listen.end();
    const connect = startCli({ relay }, 'connect', id);
    connect.end();
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(listen.stdout).toBe('');
  });

  test('100 MiB arrive with the same SHA-256, and the relay stays small', { timeout: 180_000 }, async () => {
    const file = join(tempDir(), 'random');
    await run('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', 'count=100', 'status=none'], { ms: 60_000 });
    const callee = newIdentity();
    const id = await idOf(callee);
    const before = relay.process.memoryKiB();
    const listen = startCli({ relay, identity: callee, keepOutput: false }, 'listen', '--accept', 'all');
    listen.end();
    const got = createHash('sha256');
    let size = 0;
    listen.child.stdout.on('data', (chunk) => {
      got.update(chunk);
      size += chunk.length;
    });
    const connect = startCli({ relay }, 'connect', id);
    const sent = createHash('sha256');
    createReadStream(file)
      .on('data', (chunk) => sent.update(chunk))
      .pipe(connect.child.stdin);
    expect((await connect.wait(170_000)).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(size).toBe(100 << 20);
    expect(got.digest('hex')).toBe(sent.digest('hex'));
    expect(relay.process.memoryKiB('VmHWM') - before, 'KiB more than before').toBeLessThan(16 << 10);
  });

  test(
    'a reader that stops bounds what waits in the relay, and then gets all of it',
    { timeout: 120_000 },
    async () => {
      const total = 24 << 20;
      const callee = newIdentity();
      const id = await idOf(callee);
      const before = relay.process.memoryKiB();
      const listen = startCli({ relay, identity: callee, keepOutput: false }, 'listen', '--accept', 'all');
      listen.end();
      listen.child.stdout.pause();
      const connect = startCli({ relay }, 'connect', id);
      const bytes = randomBytes(total);
      const written = new Promise((done) => connect.child.stdin.end(bytes, done));
      // The sender must be held back before it has sent everything: the first bytes come, the rest waits with the sender.
      let size = 0;
      const got = createHash('sha256');
      await new Promise((done) => listen.child.stdout.once('readable', done));
      expect(relay.process.memoryKiB('VmRSS') - before).toBeLessThan(16 << 10);
      expect(connect.running).toBe(true);
      listen.child.stdout.on('data', (chunk) => {
        got.update(chunk);
        size += chunk.length;
      });
      listen.child.stdout.resume();
      await written;
      expect((await connect.wait(100_000)).code, connect.stderr).toBe(0);
      await listen.wait();
      expect(size).toBe(total);
      expect(got.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    },
  );
});

describe('who is let in', () => {
  test('--accept ID lets that one in and nobody else', async () => {
    const wanted = newIdentity();
    const { id, listen } = await listening('--accept', await idOf(wanted));
    listen.end();
    const other = startCli({ relay }, 'connect', id);
    other.end('unwanted');
    await other.waitFor(/wait|not there|unavailable|offline/i, { stream: 'stderr' });
    const connect = startCli({ relay, identity: wanted }, 'connect', id);
    connect.end('wanted');
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(listen.stdout).toBe('wanted');
    expect(other.running).toBe(true);
    await other.kill9();
  });

  test('two commands with one identity work at the same time', async () => {
    const shared = newIdentity();
    const sharedId = await idOf(shared);
    const { id, listen } = await listening();
    const own = startCli({ relay, identity: shared }, 'listen', '--accept', 'all');
    own.end();
    const out = startCli({ relay, identity: shared }, 'connect', id);
    await out.write('out ');
    await listen.waitFor('out ', { stream: 'stdout' });
    const into = startCli({ relay }, 'connect', sharedId);
    into.end('into');
    expect((await into.wait()).code, into.stderr).toBe(0);
    expect((await own.wait()).code, own.stderr).toBe(0);
    expect(own.stdout).toBe('into');
    listen.end('back');
    out.end('again');
    expect((await out.wait()).code, out.stderr).toBe(0);
    expect((await listen.wait()).code, listen.stderr).toBe(0);
    expect(listen.stdout).toBe('out again');
    expect(out.stdout).toBe('back');
  });

  test('--keep takes one peer after the other', async () => {
    const { id, listen } = await listening('--accept', 'all', '--keep');
    listen.end();
    for (const word of ['one', 'two', 'three']) {
      const connect = startCli({ relay }, 'connect', id);
      connect.end(word);
      expect((await connect.wait()).code, connect.stderr).toBe(0);
    }
    await listen.waitFor('onetwothree', { stream: 'stdout' });
    expect(listen.running).toBe(true);
    await listen.stop();
  });
});

describe('ping', () => {
  test('a peer that is there answers', async () => {
    const { id, listen } = await listening('--accept', 'all', '--keep');
    const { code, stdout, stderr } = await runCli({ relay }, ['ping', id]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/ms/);
    await listen.stop();
  });
});

describe('piped into a chat', () => {
  const clients = clientsOf(() => relay);
  afterAll(() => clients.stopAll());
  test('received bytes are all written before the end', async () => {
    const client = await online(await clients.make({ application: 'chat/1', acceptAll: true }));
    const called = event(client, 'session');
    const connect = startCli({ relay, keepOutput: false }, '--verbose', 'connect', client.id);
    const said = randomBytes(900_000);
    const session = await called;
    session.on('message', () => {}); // reading lets the end come
    const ended = event(session, 'end');
    for (let at = 0; at < said.length; at += 100_000) await session.send(said.subarray(at, at + 100_000));
    session.setPriority(1, 7); // bulk after all of it: once this is taken, all of it has come
    await (
      await session.send(new Uint8Array(100_000), { channel: 1 })
    ).delivered;
    connect.end('all that this side says\n');
    await ended;
    await connect.waitFor('has taken everything', { stream: 'stderr' }); // only now its output is read
    const chunks = [];
    connect.child.stdout.on('data', (chunk) => chunks.push(chunk));
    expect((await connect.wait()).code, connect.stderr).toBe(0);
    expect(Buffer.concat(chunks).length).toBe(said.length);
    expect(Buffer.concat(chunks).equals(said)).toBe(true);
  });
});

describe('each kind of error has a message and an exit code of its own', () => {
  test('a command that does not exist', async () => {
    const { code, stderr } = await runCli({ relay }, ['frobnicate']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/frobnicate/);
  });

  test('a text that is not an ID', async () => {
    const { code, stderr } = await runCli({ relay }, ['connect', 'nonsense'], { input: '' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/nonsense|ID/);
  });

  test('an ID with one letter changed', async () => {
    const id = await idOf(newIdentity());
    const wrong = (id[0] === 'a' ? 'b' : 'a') + id.slice(1);
    const { code, stderr } = await runCli({ relay }, ['connect', wrong], { input: '' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/ID/);
  });

  test('the help lists the exit codes', async () => {
    const { code, stdout } = await runCli({}, ['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/exit/i);
  });
});
