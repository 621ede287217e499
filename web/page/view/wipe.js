import { store } from './store.js';

/** What a tab does after everything was deleted: removes what is kept outside the database, and starts afresh. */
export async function startAfresh() {
  const { serviceWorker } = navigator;
  const attempts = [
    async () => localStorage.clear(),
    async () => sessionStorage.clear(),
    async () => {
      for (const name of await caches.keys()) await caches.delete(name);
    },
    async () => {
      for (const registration of (await serviceWorker?.getRegistrations()) ?? []) {
        for (const shown of await registration.getNotifications()) shown.close();
        await registration.unregister();
      }
    },
  ];
  // Each by itself: a browser that lacks one of them still has to forget the others.
  for (const attempt of attempts) await attempt().catch(() => {});
  store.set({ waiting: [] }); // so that nobody is asked before the page goes
  history.replaceState(null, '', '/');
  location.reload();
}
