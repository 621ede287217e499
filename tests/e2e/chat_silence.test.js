/** `pairlink chat` beside a relay that says nothing or was away: nobody is called absent before that is known. */
import { expect, test } from 'vitest';
import { idOf, newIdentity, startCli } from '../support/cli.js';
import { tempDir } from '../support/process.js';
import { startRelay } from '../support/relay.js';

const SOON = { ms: 60_000 };

const chat = (relay, identity, to) =>
  startCli({ relay: relay.ws, identity, env: { XDG_STATE_HOME: tempDir('pairlink-state-') } }, 'chat', to);

test('a relay that hangs makes nobody absent, and what was written arrives', { timeout: 180_000 }, async () => {
  const relay = await startRelay({ args: ['--limit', 'PING_INTERVAL_MS=1000', '--limit', 'DEAD_AFTER_MS=120000'] });
  const [ana, bo] = [newIdentity(), newIdentity()];
  const programs = [chat(relay, ana, await idOf(bo)), chat(relay, bo, await idOf(ana))];
  const [a, b] = programs;
  try {
    await Promise.all(programs.map((one) => one.waitFor('Connected with', SOON)));
    const before = a.stderr.length;
    process.kill(relay.pid, 'SIGSTOP');
    await a.write('while nobody answers\n');
    await a.waitFor('Checking the connection…', SOON);
    await a.waitFor('Saved.', SOON); // the session has lost its link
    process.kill(relay.pid, 'SIGCONT');
    await a.waitFor('The relay answers again.', SOON);
    await b.waitFor('while nobody answers\n', { stream: 'stdout', ...SOON });
    expect(a.stderr.slice(before)).not.toMatch(/not here|no longer here/);
  } finally {
    process.kill(relay.pid, 'SIGCONT');
    for (const one of programs) await one.kill9();
    await relay.stop();
  }
});

test('a contact that went with the relay is called absent once the relay is back', { timeout: 180_000 }, async () => {
  const relay = await startRelay();
  const [ana, bo] = [newIdentity(), newIdentity()];
  const programs = [chat(relay, ana, await idOf(bo)), chat(relay, bo, await idOf(ana))];
  const [a, b] = programs;
  try {
    await Promise.all(programs.map((one) => one.waitFor('Connected with', SOON)));
    await Promise.all([b.kill9(), relay.restart({ hard: true })]);
    await a.write('while nobody is here\n');
    await a.waitFor('is no longer here.', SOON);
    await a.waitFor('Saved.', SOON);
    await relay.restart({ hard: true });
    await a.waitFor('Connected to the relay again.', SOON); // which the contact's return would say otherwise
  } finally {
    for (const one of programs) await one.kill9();
    await relay.stop();
  }
});
