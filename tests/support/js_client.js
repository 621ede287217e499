/** The JavaScript client for a test with real programs. */
import { WebSocket } from 'ws';
import { createClient, newSeed } from '../../web/client/index.js';
import { within } from './process.js';

/** The next event of this name for which `test` holds. */
export const event = (emitter, name, test = () => true) =>
  within(
    new Promise((resolve) => {
      const off = emitter.on(name, (value) => {
        if (!test(value)) return;
        off();
        resolve(value);
      });
    }),
    `event ${name}`,
  );

/** Clients that are stopped together. `relay` is a function, since a relay is started after this. */
export function clientsOf(relay) {
  const all = [];
  return {
    async make(options = {}) {
      const client = await createClient({
        url: relay().ws,
        seed: newSeed(),
        application: 'test/1',
        WebSocket,
        ...options,
      });
      all.push(client);
      return client;
    },
    stopAll() {
      for (const client of all) client.stop();
    },
  };
}

export async function online(client) {
  if (client.state !== 'online') await event(client, 'online');
  return client;
}
