/**
 * The service worker: keeps one version of the page whole, so that it opens without a network; takes what other
 * programs share; brings a tab to the front when a notification is clicked. A new version waits until the page asks for
 * it, or all tabs are closed: tabs of two versions would have an engine each and throw each other out.
 */
/* global VERSION, FILES */
const CACHE = `pairlink-page-${VERSION}`;
const OURS = 'pairlink-page-';
const SHARED = 'pairlink-shared';
const SHARED_MAX = 65000; // characters: one message has no more
const SHELL = '/';
const files = new Set(FILES);

async function keepThisVersion() {
  const cache = await caches.open(CACHE);
  // What has a hash in its name may come from the browser's own cache: it was loaded a moment ago.
  await cache.addAll(
    FILES.map((path) => new Request(path, { cache: path.startsWith('/assets/') ? 'default' : 'no-cache' })),
  );
}

async function dropOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
}

self.addEventListener('install', (event) => event.waitUntil(keepThisVersion()));
self.addEventListener('activate', (event) => event.waitUntil(dropOthers().then(() => self.clients.claim())));
self.addEventListener('message', ({ data }) => {
  if (data === 'use now') self.skipWaiting();
});

const kept = async (path, request) => (await (await caches.open(CACHE)).match(path)) ?? fetch(request);

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.method === 'POST' && pathname === '/share') return event.respondWith(takeShared(request));
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate' && pathname === SHELL) event.respondWith(kept(SHELL, request));
  else if (files.has(pathname)) event.respondWith(kept(pathname, request));
});

/**
 * Who sent a form here. A site can hide behind `null`, and browsers say `null` for another program too; `installed`: so
 * it counts in the window of the installed app only, where programs share to and no site's form leads.
 * @returns {'own' | 'installed' | 'foreign'}
 */
function senderOf(request) {
  const origin = request.headers.get('origin');
  if (origin === self.location.origin || (!origin && request.mode !== 'navigate')) return 'own';
  return !origin || origin === 'null' ? 'installed' : 'foreign';
}

/** What another program shares is put where the page finds it (see view/arrivals.js). */
async function takeShared(request) {
  const from = senderOf(request);
  if (from === 'foreign') return new Response('Another site sent this: nothing was taken.\n', { status: 403 });
  const form = await request.formData();
  const parts = ['title', 'text', 'url']
    .map((name) => form.get(name))
    .filter((part) => typeof part === 'string' && part);
  const cache = await caches.open(SHARED);
  await cache.put(
    '/shared',
    new Response(JSON.stringify({ from, text: [...new Set(parts)].join('\n').slice(0, SHARED_MAX) })),
  );
  return Response.redirect('/?do=share', 303);
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data?.contact));
});

async function show(contact) {
  const [tab] = await self.clients.matchAll({ type: 'window' });
  if (!tab) return self.clients.openWindow(SHELL);
  tab.postMessage({ open: contact });
  return tab.focus();
}
