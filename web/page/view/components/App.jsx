/** The frame of the page: banners above the list of conversations and the present screen. */
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { enterScreen } from '../focus.js';
import { goBackFrom, useStore } from '../store.js';
import { useFileDrop } from '../use-file-drop.js';
import { useNarrow } from '../use-narrow.js';
import { useRare } from '../use-rare.js';
import { Announcer } from './Announcer.jsx';
import { Broken } from './Broken.jsx';
import { ConnectionLine } from './ConnectionLine.jsx';
import { Home } from './Home.jsx';
import { IdentityScreen } from './IdentityScreen.jsx';
import { InviteScreen } from './InviteScreen.jsx';
import { OtherDevice } from './OtherDevice.jsx';
import { PlainBanner } from './PlainBanner.jsx';
import { ServerChanged } from './ServerChanged.jsx';
import { ServerSees } from './ServerSees.jsx';
import { Settings } from './Settings.jsx';
import { StorageScreen } from './StorageScreen.jsx';
import { Sidebar } from './Sidebar.jsx';
import { Thread } from './Thread.jsx';
import { UnsavedLine } from './UnsavedLine.jsx';
import { UpdateLine } from './UpdateLine.jsx';
import { ContactCard } from './ContactCard.jsx';

/**
 * @type {Record<import('../store.js').Screen, import('preact').ComponentType<{place:
 *   import('../store.js').OpenPlace}>>}
 */
const screens = {
  home: Home,
  new: Home,
  invite: InviteScreen,
  thread: Thread,
  contact: ContactCard,
  settings: Settings,
  storage: StorageScreen,
  identity: IdentityScreen,
  server: ServerSees,
  share: Share,
};

/** @param {{place: import('../store.js').OpenPlace}} props */
function Share({ place }) {
  const Screen = useRare(true, () => goBackFrom(place))?.ShareScreen;
  return Screen ? <Screen place={place} /> : null;
}

export function App() {
  const language = useStore(({ language }) => language);
  return <Page key={language} />;
}

function Page() {
  const ready = useStore(({ ready }) => ready);
  const broken = useStore(({ broken }) => broken);
  const place = useStore(({ place }) => place);
  const people = useStore(({ engine }) => engine?.contacts.length ?? 0);
  const unread = useStore(({ engine }) => engine?.contacts.reduce((sum, contact) => sum + contact.unread, 0) ?? 0);

  const narrow = useNarrow();
  useEffect(() => {
    document.title = unread > 0 ? `(${s.number(unread)}) ${s.app}` : s.app;
    if (unread > 0) navigator.setAppBadge?.(unread).catch(() => {});
    else navigator.clearAppBadge?.().catch(() => {});
  }, [unread]);

  const meets = place.screen === 'new' || place.screen === 'invite' || (place.screen === 'home' && people === 0);
  const hovering = useFileDrop(meets && ready && !broken ? '' : null);

  const key = `${place.screen} ${place.contact ?? place.secret ?? place.shared ?? ''}`;
  const shown = ready && !broken;
  useLayoutEffect(() => {
    if (shown) enterScreen(key);
  }, [shown, key]);

  if (broken) return <Broken why={broken} />;
  if (!ready) return <p class="starting">{s.loading}</p>;
  const Screen = screens[place.screen] ?? Home;
  return (
    <div class={`app ${people > 0 ? 'app-people' : 'app-first'} at-${place.screen}`}>
      <a class="skip" href="#main" onClick={focusMain}>
        {s.skip}
      </a>
      <div class="banners">
        <ServerChanged />
        <PlainBanner />
        <ConnectionLine />
        <UnsavedLine />
        <OtherDevice />
        <UpdateLine />
        <Waiting />
      </div>
      {people > 0 && !narrow && <Sidebar />}
      <main id="main" tabIndex={-1} class="main">
        {hovering && <p class="drop-here">{s.wait.drop}</p>}
        {people > 0 && narrow && place.screen === 'home' ? (
          <Sidebar whole />
        ) : (
          <Screen key={key} place={/** @type {import('../store.js').OpenPlace} */ (place)} />
        )}
      </main>
      <Announcer />
    </div>
  );
}

/** Does not change the address, where a fragment would be taken for an invite link. @param {Event} event */
function focusMain(event) {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** How many files wait, and which, once that is loaded. */
function Waiting() {
  const count = useStore(({ waiting }) => waiting.length);
  const WaitingFiles = useRare(count > 0)?.WaitingFiles;
  if (count === 0) return null;
  return WaitingFiles ? <WaitingFiles /> : <p class="banner">{s.wait.count(count)}</p>;
}
