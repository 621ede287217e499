/**
 * The SharedWorker that all tabs of a profile talk to. The engine is loaded after the listener stands: a module that
 * waits at its top level (libsodium does) would miss the first `connect`.
 */
import { Host } from './host.js';

const host = new Host();
self.addEventListener('connect', (event) => {
  const [channel] = event.ports;
  const port = { post: (message) => channel.postMessage(message) };
  channel.addEventListener('message', ({ data }) => host.receive(port, data));
  channel.start();
});
host.use(import('./make.js').then(({ makeEngine }) => makeEngine({ keepInstance: true }, host)));
