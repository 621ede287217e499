/** How the engine answers the tabs. */
import { expect, test } from 'vitest';
import { Host } from '../engine/host.js';

test('a tab gets the state that a command made before the answer to the command', async () => {
  const host = new Host();
  const invites = new Map();
  const engine = {
    started: Promise.resolve(),
    state: () => ({ invites: [...invites.values()] }),
    requireClient: () => ({ createInvite: () => ({ secret: 'abc', link: 'https://relay.example/#x', expiresAt: 1 }) }),
    invites,
    now: () => 0,
    db: { put: async () => {} },
    codes: { make: () => host.tell.state() },
  };
  host.use(Promise.resolve(engine));
  const got = [];
  const port = { post: (message) => got.push(message) };
  await host.receive(port, { seq: 1, cmd: 'invite', args: { pageUrl: 'https://relay.example/' } });
  await new Promise((done) => setImmediate(done));
  expect(got.map((message) => Object.keys(message)[0])).toEqual(['state', 'seq']);
  expect(got[0].state.invites).toMatchObject([{ secret: 'abc' }]);
});
