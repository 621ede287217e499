/**
 * One client of JavaScript with many sessions, for parts/many_peers_js.mjs, which forks it. It takes
 *
 *   {url, ids, busy}   connects to each peer, of which the first `busy` get messages; answers {memory_bytes} once all
 *                      are linked and the garbage is collected
 *   {messages}         sends and receives this number of messages; answers {cpu_us}, the CPU time of this process for
 *                      each
 */
import { WebSocket } from 'ws';
import { createClient } from '../../../web/client/index.js';

const MESSAGE = new Uint8Array(64);
const WINDOW = 8;
const CONNECTS_AT_ONCE = 128;
const SESSIONS_MAX = 20_000;

/** @type {import('../../../web/client/session.js').Session[]} */
const sessions = [];
let busy = 0;
let next = 0;
let left = 0;
let awaited = 0;
let done = () => {};

/** Sends to each busy session by turns. */
function sendNext() {
  left--;
  next = (next + 1) % busy;
  sessions[next].send(MESSAGE).catch(fail);
}

function answered() {
  if (left > 0) sendNext();
  if (--awaited === 0) done();
}

/** @param {unknown} error */
function fail(error) {
  console.error(error);
  process.exit(1);
}

/** @param {{url: string, ids: string[], busy: number}} options */
async function connect(options) {
  busy = options.busy;
  const client = await createClient({
    url: options.url,
    seed: crypto.getRandomValues(new Uint8Array(32)),
    application: 'bench/1',
    WebSocket,
    options: { sessionsMax: SESSIONS_MAX },
  });
  client.on('offline', ({ error, reason }) => fail(`offline: ${error} ${reason}`));
  await new Promise((online) => client.on('online', online));
  for (let i = 0; i < options.ids.length; i += CONNECTS_AT_ONCE) {
    const linked = options.ids.slice(i, i + CONNECTS_AT_ONCE).map((id) => {
      const session = client.connect(id);
      sessions.push(session);
      session.on('message', answered);
      session.on('closed', ({ error, reason }) => fail(`closed: ${error} ${reason}`));
      return new Promise((resolve) => session.on('linked', resolve));
    });
    await Promise.all(linked);
  }
}

/** Returns the bytes that are in use, after the garbage is collected. */
function memory() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** @param {number} messages */
async function exchange(messages) {
  const before = process.cpuUsage();
  await new Promise((resolve) => {
    done = () => resolve(undefined);
    awaited = messages;
    left = messages;
    for (let i = 0; i < Math.min(WINDOW, messages); i++) sendNext();
  });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / messages;
}

process.on('message', async (/** @type {any} */ order) => {
  if (order.url) {
    await connect(order);
    process.send?.({ memory_bytes: memory() });
  } else process.send?.({ cpu_us: await exchange(order.messages) });
});

process.on('disconnect', () => process.exit());
