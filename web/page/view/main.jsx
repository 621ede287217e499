/** The start of the page: removes secrets from the address bar, connects to the engine, and shows the app. */
import { render } from 'preact';
import { applyLanguage, onLanguageElsewhere } from '../strings/index.js';
import { call, onFiles, onState, openThread } from './actions.js';
import { follow, takeArrival } from './arrivals.js';
import { keepAwake } from './awake.js';
import { setLink } from './call.js';
import { watchClosing } from './closing.js';
import { App } from './components/App.jsx';
import { keepFocus } from './focus.js';
import { keptReplies } from './drafts.js';
import { openLink } from './link.js';
import { forgetReply } from './messages.js';
import { onNews } from './notifications.js';
import { resumeOutbox } from './outbox.js';
import { lookForUpdate, startOffline } from './offline.js';
import { watchSearchKeys } from './search.js';
import { followHistory, store } from './store.js';
import { onMessages, reloadThreads } from './threads.js';
import { watchUnsaved } from './unsaved.js';
import { keepPage } from './use-file-drop.js';
import { watchNewcomer } from './waiting-files.js';

const arrival = takeArrival();
const language = applyLanguage();
followHistory();

const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[data-shared]'));
const { shared = '', single = '' } = script.dataset;
const link = openLink(
  { shared, single },
  {
    onState,
    onMessages(update) {
      onMessages(update);
      forgetReply(update.contact, update.gone);
    },
    onFiles,
    onNews,
    onBroken: () => store.set({ broken: { code: 'worker' } }),
  },
);
setLink(link);
store.set({ mode: link.mode, replies: keptReplies() });
void language.then((code) => {
  store.set({ language: code });
  render(<App />, /** @type {HTMLElement} */ (document.getElementById('app')));
});
onLanguageElsewhere(async () => store.set({ language: await applyLanguage() }));
watchClosing();
watchNewcomer();
watchSearchKeys();
watchUnsaved();
keepPage();
keepFocus();
keepAwake();

link
  .hello({ link: arrival.link })
  .then(resumeOutbox)
  .then(() => follow(arrival))
  .then(() =>
    startOffline(({ open }) => {
      if (open) openThread(open);
    }),
  )
  .catch((error) => store.set({ broken: { code: error.code, text: error.message } }));

addEventListener('hashchange', () => follow(takeArrival()));
addEventListener('online', () => call('wake'));
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return;
  call('wake');
  void reloadThreads();
});
/** @type {string | undefined} */
let before;
store.subscribe(({ engine }) => {
  const state = engine?.server.state;
  if (before === 'offline' && state === 'online') void lookForUpdate();
  if (state !== 'connecting') before = state;
});
