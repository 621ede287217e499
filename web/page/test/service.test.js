import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const source = readFileSync(new URL('../service/sw.js', import.meta.url), 'utf8');

/** Runs the service worker, where `names` are the caches that exist, and `missing` cannot be loaded. */
function serviceWorker(names, missing = []) {
  const stored = new Map(names.map((name) => [name, new Map()]));
  const load = async (path) => {
    if (missing.includes(path)) throw new TypeError('no network');
    return new Response(path);
  };
  const open = async (name) => {
    const files = stored.get(name) ?? new Map();
    stored.set(name, files);
    return {
      addAll: async (list) => {
        for (const { path } of list) files.set(path, await load(path));
      },
      match: async (path) => files.get(path),
      put: async (path, answer) => void files.set(path, answer),
    };
  };
  const caches = { open, keys: async () => [...stored.keys()], delete: async (name) => stored.delete(name) };
  const heard = {};
  const self = { addEventListener: (name, fn) => (heard[name] = fn), location: { origin: 'https://relay' } };
  class FakeRequest {
    constructor(path) {
      this.path = path;
    }
  }
  const globals = {
    self,
    caches,
    fetch: ({ path, url }) => load(path ?? new URL(url).pathname),
    Request: FakeRequest,
    VERSION: 'new',
  };
  const files = { FILES: ['/', '/assets/page.js'], LATER: ['/assets/gone.js', '/assets/ar.js'] };
  const all = { ...globals, ...files };
  new Function(...Object.keys(all), source)(...Object.values(all));
  const fire = (name) => new Promise((done, fail) => heard[name]({ waitUntil: (work) => work.then(done, fail) }));
  const kept = () => [...(stored.get('pairlink-page-new')?.keys() ?? [])];
  const get = (path) =>
    new Promise((respondWith) => {
      const request = { method: 'GET', mode: 'no-cors', url: `https://relay${path}` };
      heard.fetch({ request, respondWith });
    });
  const wipe = () => stored.clear();
  return { fire, kept, get, wipe };
}

test('the first visit keeps only what it needs', async () => {
  const { fire, kept } = serviceWorker(['pairlink-shared']);
  await fire('install');
  expect(kept()).toEqual(['/', '/assets/page.js']);
});

test('an update keeps the rest too, as far as it can be had', async () => {
  const { fire, kept } = serviceWorker(['pairlink-page-old'], ['/assets/gone.js']);
  await fire('install');
  expect(kept()).toEqual(['/', '/assets/page.js', '/assets/ar.js']);
});

test('an update without what every visit needs fails', async () => {
  const { fire } = serviceWorker(['pairlink-page-old'], ['/assets/page.js']);
  await expect(fire('install')).rejects.toThrow('no network');
});

test('what was deleted is kept again when it is loaded', async () => {
  const { fire, kept, get, wipe } = serviceWorker([]);
  await fire('install');
  wipe();
  await get('/assets/page.js');
  await get('/assets/ar.js');
  expect(kept()).toEqual(['/assets/page.js', '/assets/ar.js']);
});
