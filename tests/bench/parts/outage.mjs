/** 16,000 linked sockets whose relay is killed and comes back; the clients return with the jitter of the protocol. */
import { number } from '../format.mjs';
import { load } from '../servers.mjs';
import { PATIENT, fresh } from './common.mjs';

const OUTAGE = 16_000;
const AWAY_MS = 3_000;

async function measure() {
  return fresh('pairlink', (server) =>
    load(server, 'pairlink', ['--outage', OUTAGE, ...PATIENT], {
      onLine: async () => {
        await server.relay.kill9();
        await new Promise((done) => setTimeout(done, AWAY_MS));
        await server.relay.launch();
      },
    }),
  );
}

export const OUTAGE_OF_RELAY = {
  name: 'outage',
  needs: 30,
  measure,
  targets: (f) => [
    {
      what: '16,000 clients linked again after the relay is back',
      reached: f.all_linked_s,
      limit: 15,
      unit: ' s',
    },
  ],
  lines: (f) => [
    `${number(f.outage)} clients whose relay was killed and came back after ${number(f.away_s)} s: all linked again ${number(f.all_linked_s)} s after the first of them.`,
  ],
};
