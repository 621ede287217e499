/**
 * How this tab reaches the engine: a SharedWorker; or, where there is none, a worker of the tab that holds a Web Lock,
 * shared through a BroadcastChannel; or, where there is neither, a worker of its own.
 *
 *   const link = openLink({ shared, single }, { onState, onMessages, onFiles, onNews, onBroken });
 *   await link.call('send', {...});
 */

const LOCK = 'pairlink-engine';
const CHANNEL = 'pairlink-engine';

/** With Trusted Types on, a worker's address has to come out of a policy; only our own files pass. */
const policy = globalThis.trustedTypes?.createPolicy('pairlink', {
  createScriptURL(address) {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) throw new TypeError('not from here');
    return url.href;
  },
});
export const scriptUrl = (address) => policy?.createScriptURL(address) ?? address;

const newTabId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join('');

/** @param {{shared: string, single: string}} scripts */
export function openLink(scripts, { onState, onMessages, onFiles, onNews, onBroken }) {
  const waiting = new Map();
  let seq = 0;
  let opening;

  const receive = ({ seq: answered, value, error, state, messages, files, news, renewed }) => {
    if (renewed) return location.reload();
    if (state) onState(state);
    if (news) onNews(news);
    if (messages) onMessages(messages);
    if (files) onFiles(files);
    const call = answered && waiting.get(answered);
    if (!call) return;
    waiting.delete(answered);
    if (error) call.fail(Object.assign(new Error(error.text), { code: error.code }));
    else call.done(value);
  };
  /** A new engine took over: what was asked and not answered is asked again (every command may be repeated). */
  const renew = () => {
    if (!opening) return;
    carrier.post({ ...opening, seq: ++seq });
    look();
    for (const [number, { message }] of waiting) carrier.post({ ...message, seq: number });
  };
  const carrier = openCarrier(scripts, { receive, renew, onBroken });

  const call = (cmd, args = {}) =>
    new Promise((done, fail) => {
      const message = { seq: ++seq, cmd, args };
      waiting.set(message.seq, { message, done, fail });
      carrier.post(message);
    });

  const look = () => carrier.post({ cmd: 'look', args: { hidden: document.visibilityState !== 'visible' } });
  document.addEventListener('visibilitychange', look);
  addEventListener('pagehide', () => carrier.post({ cmd: 'bye' }));
  addEventListener('pageshow', (event) => {
    if (event.persisted) renew();
  });

  return {
    mode: carrier.mode,
    call,
    hello(args) {
      opening = { cmd: 'hello', args };
      look();
      return call('hello', args).then(onState);
    },
  };
}

function openCarrier(scripts, handlers) {
  if ('SharedWorker' in globalThis) return sharedCarrier(scripts, handlers);
  if (navigator.locks && 'BroadcastChannel' in globalThis) return leaderCarrier(scripts, handlers);
  return ownCarrier(scripts, handlers);
}

function sharedCarrier({ shared }, { receive, onBroken }) {
  const worker = new SharedWorker(scriptUrl(shared), { type: 'module', name: 'pairlink' });
  worker.addEventListener('error', (event) => onBroken(event));
  worker.port.addEventListener('message', ({ data }) => receive(data));
  worker.port.start();
  return { mode: 'shared', post: (message) => worker.port.postMessage(message) };
}

function ownCarrier({ single }, { receive, onBroken }) {
  const worker = new Worker(scriptUrl(single), { type: 'module', name: 'alone' });
  worker.addEventListener('error', (event) => onBroken(event));
  worker.addEventListener('message', ({ data }) => receive(data.message));
  return { mode: 'alone', post: (message) => worker.postMessage({ tab: 'own', message }) };
}

function leaderCarrier({ single }, { receive, renew, onBroken }) {
  const tab = newTabId();
  const channel = new BroadcastChannel(CHANNEL);
  let worker = null;

  const lead = () => {
    worker = new Worker(scriptUrl(single), { type: 'module' });
    worker.addEventListener('error', (event) => onBroken(event));
    worker.addEventListener('message', ({ data }) => {
      if (data.tab === tab) receive(data.message);
      else channel.postMessage({ to: data.tab, message: data.message });
    });
    renew();
    channel.postMessage({ newLeader: true });
    return new Promise(() => {}); // the lock is held for as long as this tab lives
  };

  channel.addEventListener('message', ({ data }) => {
    if (data.newLeader) renew();
    else if (data.to === tab) receive(data.message);
    else if (data.from && worker) worker.postMessage({ tab: data.from, message: data.message });
  });
  navigator.locks.request(LOCK, lead);

  return {
    mode: 'leader',
    // Before anybody leads, what is posted is lost, and asked again by `renew`.
    post: (message) => (worker ? worker.postMessage({ tab, message }) : channel.postMessage({ from: tab, message })),
  };
}
