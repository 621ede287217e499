/**
 * The service worker. It keeps one version of the page, so that the page opens without a network: at once what every
 * visit needs, and the rest (other languages, what is seldom used) when it is first used, when the page asks for it
 * because a visit has lasted for a while, or with an update. It takes what other programs share, and brings a tab to
 * the front when a notification is clicked. A new version waits until the page asks for it or all tabs are closed: tabs
 * of two versions would each have an engine, and these would disconnect each other.
 */
/* global VERSION, FILES, LATER */
import { dropOld, keepShared } from './shares.js';

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const CACHE = `pairlink-page-${VERSION}`;
const OURS = 'pairlink-page-';
const SHELL = '/';
const files = new Set(FILES);
const later = new Set(LATER);

async function keepWhatIsNeeded() {
  const cache = await caches.open(CACHE);
  // A file with a hash in its name may come from the browser's cache, where it was put a moment ago.
  await cache.addAll(
    FILES.map((path) => new Request(path, { cache: path.startsWith('/assets/') ? 'default' : 'no-cache' })),
  );
}

/** At an update, the rest is kept too: the next visit may be without a network, and needs what earlier ones used. */
async function install() {
  await keepWhatIsNeeded();
  const names = await caches.keys();
  if (names.some((name) => name.startsWith(OURS) && name !== CACHE)) await keepTheRest();
}

async function dropOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
}

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(dropOthers().then(() => worker.clients.claim())));
worker.addEventListener('message', (event) => {
  if (event.data === 'use now') void worker.skipWaiting();
  if (event.data === 'keep the rest') event.waitUntil(keepTheRest().then(() => dropOld(Date.now())));
});

/** Returns a file, and keeps it if it is not kept, or not any more. @param {string} path @param {Request} request */
async function kept(path, request) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(path);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(path, answer.clone()).catch(() => {}); // no room: it works, while there is a network
  return answer;
}

/** A file that cannot be had now is tried again at the next visit. */
async function keepTheRest() {
  for (const path of LATER) await kept(path, new Request(path)).catch(() => {});
}

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== worker.location.origin) return;
  if (request.method === 'POST' && pathname === '/share') event.respondWith(takeShared(request));
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate' && pathname === SHELL) event.respondWith(kept(SHELL, request));
  else if (files.has(pathname) || later.has(pathname)) event.respondWith(kept(pathname, request));
});

/**
 * Returns who sent a form here. The origin `null` may be another program or a site that hides its origin. So such a
 * form counts only in the window of the installed app ('installed'), which programs share to and no site's form can
 * open.
 * @param {Request} request @returns {'own' | 'installed' | 'foreign'}
 */
function senderOf(request) {
  const origin = request.headers.get('origin');
  if (origin === worker.location.origin || (!origin && request.mode !== 'navigate')) return 'own';
  return !origin || origin === 'null' ? 'installed' : 'foreign';
}

/**
 * Keeps what another program shares, for the page, which asks to whom it goes (view/sharing.js). A frame in another
 * site's page is refused: it would be shown nothing, and could fill the disk.
 * @param {Request} request
 */
async function takeShared(request) {
  const from = senderOf(request);
  if (from === 'foreign' || (request.mode === 'navigate' && request.destination !== 'document'))
    return new Response('Another site sent this: nothing was taken.\n', { status: 403 });
  const form = await request.formData().catch(() => null);
  const result = form ? await keepShared(form, from, Date.now()) : { problem: 'broken' };
  return Response.redirect(`/?${new URLSearchParams({ do: 'share', ...result })}`, 303);
}

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data?.contact));
});

/** Brings a tab to the front and opens a thread in it. @param {string | undefined} contact */
async function show(contact) {
  const [tab] = await worker.clients.matchAll({ type: 'window' });
  if (!tab) return worker.clients.openWindow(SHELL);
  tab.postMessage({ open: contact });
  return tab.focus();
}
