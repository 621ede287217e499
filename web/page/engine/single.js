/**
 * The dedicated worker where there is no SharedWorker: run by the tab that leads (see view/link.js), or by each tab for
 * itself. One channel carries the messages of many tabs: `{tab, message}` both ways.
 */
import { Host } from './host.js';

const host = new Host();
const ports = new Map();
const alone = self.name === 'alone';

const portOf = (tab) => {
  if (!ports.has(tab)) ports.set(tab, { post: (message) => self.postMessage({ tab, message }) });
  return ports.get(tab);
};

self.addEventListener('message', ({ data: { tab, message } }) => {
  host.receive(portOf(tab), message);
  if (message.cmd === 'bye') ports.delete(tab);
});
host.use(import('./make.js').then(({ makeEngine }) => makeEngine({ keepInstance: !alone }, host)));
