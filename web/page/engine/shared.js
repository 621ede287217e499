/**
 * The SharedWorker that all tabs of a profile talk to. It loads the engine only after the listener is in place: a
 * module with a top-level await, as libsodium's, would miss the first `connect`.
 */
import { Host } from './host.js';

const worker = /** @type {SharedWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const host = new Host();
worker.addEventListener('connect', (event) => {
  const [channel] = event.ports;
  /** @type {import('./types.js').Port} */
  const port = { post: (message) => channel.postMessage(message) };
  channel.addEventListener('message', ({ data }) => void host.receive(port, data));
  channel.start();
});
host.use(import('./make.js').then(({ makeEngine }) => makeEngine({ keepInstance: true }, host)));
