/** Where the page starts: takes the invite link out of the address bar, reaches the engine, shows the app. */
import { render } from 'preact';
import { App } from './components/App.jsx';
import { onMessages, onState, join, reloadThreads, useLink, call } from './actions.js';
import { openLink } from './link.js';
import { followHistory, store } from './store.js';
import { applyLanguage, onLanguageElsewhere } from '../strings/index.js';

/** The link's secret must not stay where a glance, a screenshot or the history shows it. */
function takeFragment() {
  const { hash, href } = location;
  if (hash.length < 2) return undefined;
  history.replaceState(history.state, '', location.pathname);
  return href;
}

async function openInvite(link) {
  if (!link) return;
  const { problem } = await join(link, { replace: true });
  if (problem) store.set({ place: { screen: 'new', problem } });
}

const invited = takeFragment();
const language = applyLanguage();
followHistory();

const { shared, single } = document.querySelector('script[data-shared]').dataset;
const link = openLink(
  { shared, single },
  {
    onState,
    onMessages,
    onBroken: () => store.set({ broken: { code: 'worker' } }),
  },
);
useLink(link);
store.set({ mode: link.mode });
language.then((code) => {
  store.set({ language: code });
  render(<App />, document.getElementById('app'));
});
onLanguageElsewhere(async () => store.set({ language: await applyLanguage() }));

link
  .hello({ link: invited })
  .then(() => openInvite(invited))
  .catch((error) => store.set({ broken: { code: error.code, text: error.message } }));

addEventListener('hashchange', () => openInvite(takeFragment()));
addEventListener('online', () => call('tryNow'));
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') reloadThreads();
});
