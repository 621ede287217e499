/**
 * The dedicated worker for browsers without SharedWorker. It is started by the tab that leads (see view/link.js), or by
 * each tab for itself. One channel carries the messages of many tabs: `{tab, message}` in both directions.
 */
import { Host } from './host.js';

/** @typedef {import('./types.js').Port} Port */

const worker = /** @type {DedicatedWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const host = new Host();
/** @type {Map<string, Port>} */
const ports = new Map();
const alone = worker.name === 'alone';

/** @param {string} tab @returns {Port} */
function portOf(tab) {
  let port = ports.get(tab);
  if (!port) ports.set(tab, (port = { post: (message) => worker.postMessage({ tab, message }) }));
  return port;
}

worker.addEventListener('message', ({ data: { tab, message } }) => {
  void host.receive(portOf(tab), message);
  if (message.cmd === 'bye') ports.delete(tab);
});
host.use(import('./make.js').then(({ makeEngine }) => makeEngine({ keepInstance: !alone }, host)));
