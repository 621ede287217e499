/**
 * How this tab reaches the engine. Usually it runs in a SharedWorker. Without SharedWorker, it runs in a worker of the
 * tab that holds a Web Lock, and other tabs reach it through a BroadcastChannel. Without either, each tab has a worker
 * of its own.
 *
 *   const link = openLink({ shared, single }, { onState, onMessages, onFiles, onNews, onBroken });
 *   await link.call('send', {...});
 */

import { openInbox } from './inbox.js';
import { startAfresh } from './wipe.js';

/** @typedef {import('../engine/types.js').Command} Command */
/** @typedef {import('../engine/types.js').FromTab} FromTab */
/** @typedef {import('../engine/types.js').State} State */
/** @typedef {import('../engine/types.js').ToTab} ToTab */
/** @typedef {{shared: string, single: string}} Scripts addresses of the two workers */

/**
 * @typedef {object} LinkHandlers
 * @property {(state: State) => void} onState
 * @property {(update: NonNullable<ToTab['messages']>) => void} onMessages
 * @property {(files: NonNullable<ToTab['files']>) => void} onFiles
 * @property {(news: NonNullable<ToTab['news']>) => void} onNews
 * @property {() => void} onBroken the worker cannot start
 */

/**
 * @typedef {object} CarrierHandlers
 * @property {(message: ToTab) => void} receive
 * @property {() => void} renew another engine took over
 * @property {() => void} onBroken
 */

/** @typedef {{mode: 'shared' | 'leader' | 'alone', post: (message: FromTab) => void}} Carrier */

const LOCK = 'pairlink-engine';
const CHANNEL = 'pairlink-engine';

/**
 * With Trusted Types, a worker's address has to come from a policy. This one accepts only files of this page's own
 * origin.
 * @type {{createScriptURL: (address: string) => string} | undefined} the result is a TrustedScriptURL, used like a
 *   string
 */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('pairlink', {
  /** @param {string} address */
  createScriptURL(address) {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) throw new TypeError('not from here');
    return url.href;
  },
});
/** @param {string} address */
export const scriptUrl = (address) => policy?.createScriptURL(address) ?? address;

const newTabId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join('');

/** @param {Scripts} scripts @param {LinkHandlers} handlers */
export function openLink(scripts, { onState, onMessages, onFiles, onNews, onBroken }) {
  /**
   * Calls without an answer so far.
   * @type {Map<number, {message: FromTab, done: (value: any) => void, fail: (error: Error) => void}>}
   */
  const waiting = new Map();
  let seq = 0;
  /** The first message, which a new engine gets again. @type {FromTab | undefined} */
  let opening;

  const inbox = openInbox({ onState, onMessages, onFiles });

  /** @param {ToTab} message */
  const receive = ({ seq: answered, value, error, state, messages, files, news, renewed, deleted }) => {
    if (deleted) {
      void startAfresh();
      return;
    }
    if (renewed) {
      location.reload();
      return;
    }
    if (news) onNews(news);
    if (state || messages || files) inbox.add({ state, messages, files });
    const asked = answered === undefined ? undefined : waiting.get(answered);
    if (answered === undefined || !asked) return;
    waiting.delete(answered);
    // In a burst, each part that is drawn is reported as seen: the answers would have the next parts drawn at once.
    if (asked.message.cmd !== 'seen') inbox.flush();
    if (error) asked.fail(Object.assign(new Error(error.text), { code: error.code }));
    else asked.done(value);
  };
  /** After a new engine took over: repeats all calls without an answer. Every command may be repeated. */
  const renew = () => {
    if (!opening) return;
    carrier.post({ ...opening, seq: ++seq });
    look();
    for (const [number, { message }] of waiting) carrier.post({ ...message, seq: number });
  };
  const carrier = openCarrier(scripts, { receive, renew, onBroken });

  /** @param {string} cmd @param {object} [args] @returns {Promise<any>} */
  const ask = (cmd, args = {}) =>
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
    /**
     * @template {Command} K @param {K} cmd @param {import('../engine/types.js').Arguments<K>} args
     * @returns {Promise<import('../engine/types.js').Answer<K>>}
     */
    call: (cmd, ...args) => ask(cmd, /** @type {object | undefined} */ (args[0])),
    /** The first call. @param {{link?: string}} args link: the invite link that opened this page */
    async hello(args) {
      opening = { cmd: 'hello', args };
      look();
      onState(await ask('hello', args));
    },
  };
}

/** @param {Scripts} scripts @param {CarrierHandlers} handlers @returns {Carrier} */
function openCarrier(scripts, handlers) {
  if ('SharedWorker' in globalThis) return sharedCarrier(scripts, handlers);
  if (navigator.locks && 'BroadcastChannel' in globalThis) return leaderCarrier(scripts, handlers);
  return ownCarrier(scripts, handlers);
}

/** @param {Scripts} scripts @param {CarrierHandlers} handlers @returns {Carrier} */
function sharedCarrier({ shared }, { receive, onBroken }) {
  const worker = new SharedWorker(scriptUrl(shared), { type: 'module', name: 'pairlink' });
  worker.addEventListener('error', () => onBroken());
  worker.port.addEventListener('message', ({ data }) => receive(data));
  worker.port.start();
  return { mode: 'shared', post: (message) => worker.port.postMessage(message) };
}

/** @param {Scripts} scripts @param {CarrierHandlers} handlers @returns {Carrier} */
function ownCarrier({ single }, { receive, onBroken }) {
  const worker = new Worker(scriptUrl(single), { type: 'module', name: 'alone' });
  worker.addEventListener('error', () => onBroken());
  worker.addEventListener('message', ({ data }) => receive(data.message));
  return { mode: 'alone', post: (message) => worker.postMessage({ tab: 'own', message }) };
}

/** @param {Scripts} scripts @param {CarrierHandlers} handlers @returns {Carrier} */
function leaderCarrier({ single }, { receive, renew, onBroken }) {
  const tab = newTabId();
  const channel = new BroadcastChannel(CHANNEL);
  /** @type {Worker | null} */
  let worker = null;

  const lead = () => {
    worker = new Worker(scriptUrl(single), { type: 'module' });
    worker.addEventListener('error', () => onBroken());
    worker.addEventListener('message', ({ data }) => {
      if (data.tab === tab) receive(data.message);
      else channel.postMessage({ to: data.tab, message: data.message });
    });
    renew();
    channel.postMessage({ newLeader: true });
    return new Promise(() => {}); // never settles, so the lock is held as long as this tab lives
  };

  channel.addEventListener('message', ({ data }) => {
    if (data.newLeader) renew();
    else if (data.to === tab) receive(data.message);
    else if (data.from && worker) worker.postMessage({ tab: data.from, message: data.message });
  });
  navigator.locks.request(LOCK, lead);

  return {
    mode: 'leader',
    // While no tab leads, messages are lost; `renew` repeats them.
    post: (message) => (worker ? worker.postMessage({ tab, message }) : channel.postMessage({ from: tab, message })),
  };
}
