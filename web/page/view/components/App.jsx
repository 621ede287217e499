/** The frame of the page: banners above the list of conversations and the present screen. */
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { enterScreen } from '../focus.js';
import { useStore } from '../store.js';
import { useNarrow } from '../use-narrow.js';
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
import { ShareScreen } from './ShareScreen.jsx';
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
  share: ShareScreen,
};

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

  const key = `${place.screen} ${place.contact ?? place.secret ?? ''}`;
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
      </div>
      {people > 0 && !narrow && <Sidebar />}
      <main id="main" tabIndex={-1} class="main">
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
