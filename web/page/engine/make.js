/** Creates the engine of this worker from what the browser offers. */
import { loadSodium, sodium } from '../../client/core/sodium.js';
import * as lib from '../../client/index.js';
import { openDb } from './db.js';
import { Engine } from './engine.js';
import { shareWrites } from './sync.js';

const relayUrl = () => `${self.location.protocol === 'https:' ? 'wss' : 'ws'}://${self.location.host}`;

/** Returns how many more bytes this browser would store for us; Infinity when it does not say. */
async function room() {
  const { quota, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return quota === undefined ? Infinity : quota - usage;
}

/** @param {{keepInstance: boolean}} how  @param {import('./host.js').Host} host */
export async function makeEngine({ keepInstance }, host) {
  const engine = new Engine(
    {
      db: await openDb(),
      lib,
      loadSodium: () => loadSodium().then(() => sodium),
      url: relayUrl(),
      secure: self.isSecureContext,
      keepInstance,
      random: (n) => crypto.getRandomValues(new Uint8Array(n)),
      now: () => Date.now(),
      room,
    },
    host.tell,
  );
  if (!keepInstance) shareWrites(engine);
  self.addEventListener('online', () => engine.client?.networkUp());
  return engine;
}
