/**
 * One end of a session in a SharedWorker of a page: sends `bytes` in messages of `size`, or receives them. It is shared
 * like the engine of the relay's page. The program that drives the browser is also notified of every WebSocket message
 * of a page or its dedicated worker, which costs three times as much as the session, but not of a SharedWorker's.
 */
import { createClient, newSeed, ready } from '../../../web/client/index.js';

let say;

const linked = (session) =>
  session.state === 'linked' ? undefined : new Promise((done) => session.on('linked', done));

async function listen({ url, bytes }) {
  const client = await createClient({ url, seed: newSeed(), application: 'bench/1', acceptAll: true });
  let count = 0;
  client.on('session', (session) =>
    session.on('message', ({ data }) => {
      count += data.length;
      if (count >= bytes) say({ received: count });
    }),
  );
  client.on('online', () => say({ id: client.id }));
}

async function send({ url, peer, bytes, size }) {
  const client = await createClient({ url, seed: newSeed(), application: 'bench/1' });
  const session = client.connect(peer);
  await linked(session);
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i += 65_536) crypto.getRandomValues(data.subarray(i, i + 65_536));
  const round = async () => (await session.send(data.subarray(0, 64))).delivered;
  await round();
  const rounds = [];
  for (let i = 0; i < 50; i++) {
    const began = performance.now();
    await round();
    rounds.push(performance.now() - began);
  }
  const began = performance.now();
  let last;
  for (let sent = 0; sent < bytes; sent += size) last = await session.send(data);
  await last.delivered;
  say({ seconds: (performance.now() - began) / 1e3, rounds });
}

async function start(data) {
  try {
    await ready;
    await (data.role === 'listen' ? listen(data) : send(data));
  } catch (error) {
    say({ error: String(error) });
  }
}

self.onconnect = ({ ports: [port] }) => {
  say = (message) => port.postMessage(message);
  port.onmessage = ({ data }) => start(data);
};
