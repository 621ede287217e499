import { afterEach, describe, expect, test, vi } from 'vitest';
import { dropOld, dropShared, filesOf, isShared, keepShared, readShared } from '../service/shares.js';

const HOUR = 3600_000;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/**
 * Caches in memory. `load` answers requests of addAll. `room`: how many bytes may be put; `puts` counts them.
 */
function fakeCaches(names, load) {
  const stored = new Map(names.map((name) => [name, new Map()]));
  const disk = { room: Infinity, stored };
  const open = async (name) => {
    const files = stored.get(name) ?? new Map();
    stored.set(name, files);
    return {
      addAll: async (list) => {
        for (const { path } of list) files.set(path, await load(path));
      },
      match: async (path) => files.get(path)?.clone(),
      put: async (path, answer) => {
        disk.room -= (await answer.clone().blob()).size;
        if (disk.room < 0) throw Object.assign(new Error('full'), { name: 'QuotaExceededError' });
        files.set(path, answer);
      },
      keys: async () => [...files.keys()].map((path) => ({ url: `https://relay${path}` })),
      delete: async ({ url }) => files.delete(new URL(url).pathname),
    };
  };
  disk.caches = {
    open,
    keys: async () => [...stored.keys()],
    has: async (name) => stored.has(name),
    delete: async (name) => stored.delete(name),
  };
  return disk;
}

/** Node's own redirects to whole addresses only. */
class Answer extends Response {
  static redirect = (to, status) => new Answer(null, { status, headers: { location: to } });
}

/** Runs the service worker, where `names` are the caches that exist, and `missing` cannot be loaded. */
async function serviceWorker(names, missing = []) {
  const load = async (path) => {
    if (missing.includes(path)) throw new TypeError('no network');
    return new Response(path);
  };
  const { caches, stored } = fakeCaches(names, load);
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
    Response: Answer,
    VERSION: 'new',
  };
  const files = { FILES: ['/', '/assets/page.js'], LATER: ['/assets/gone.js', '/assets/ar.js'] };
  for (const [name, value] of Object.entries({ ...globals, ...files })) vi.stubGlobal(name, value);
  await import('../service/sw.js');
  const fire = (name) => new Promise((done, fail) => heard[name]({ waitUntil: (work) => work.then(done, fail) }));
  const kept = () => [...(stored.get('pairlink-page-new')?.keys() ?? [])];
  const get = (path) =>
    new Promise((respondWith) => {
      const request = { method: 'GET', mode: 'no-cors', url: `https://relay${path}` };
      heard.fetch({ request, respondWith });
    });
  const wipe = () => stored.clear();
  const post = (request) =>
    new Promise((respondWith) =>
      heard.fetch({ request: { method: 'POST', url: 'https://relay/share', ...request }, respondWith }),
    );
  return { fire, kept, get, wipe, post };
}

test('the first visit keeps only what it needs', async () => {
  const { fire, kept } = await serviceWorker(['pairlink-shared']);
  await fire('install');
  expect(kept()).toEqual(['/', '/assets/page.js']);
});

test('an update keeps the rest too, as far as it can be had', async () => {
  const { fire, kept } = await serviceWorker(['pairlink-page-old'], ['/assets/gone.js']);
  await fire('install');
  expect(kept()).toEqual(['/', '/assets/page.js', '/assets/ar.js']);
});

test('an update without what every visit needs fails', async () => {
  const { fire } = await serviceWorker(['pairlink-page-old'], ['/assets/page.js']);
  await expect(fire('install')).rejects.toThrow('no network');
});

test('what was deleted is kept again when it is loaded', async () => {
  const { fire, kept, get, wipe } = await serviceWorker([]);
  await fire('install');
  wipe();
  await get('/assets/page.js');
  await get('/assets/ar.js');
  expect(kept()).toEqual(['/assets/page.js', '/assets/ar.js']);
});

describe('what another program shares', () => {
  const form = (...files) => {
    const made = new FormData();
    made.set('title', 'A page');
    made.set('text', 'A page');
    made.set('url', 'https://example.org/');
    for (const one of files) made.append('files', one);
    return made;
  };
  const picture = () =>
    new File(['\u0000\u00ff'], 'Überblick 图.png', { type: 'image/png', lastModified: 1_234_567_890_000 });
  const empty = () => new File([], '');
  const disk = () => {
    const made = fakeCaches([]);
    vi.stubGlobal('caches', made.caches);
    return made;
  };
  const held = ({ stored }) => [...(stored.get('pairlink-shared')?.keys() ?? [])];

  test('is kept until it is dropped: text, and files with their names, types, times and bytes', async () => {
    const it = disk();
    const { id } = await keepShared(form(picture(), empty(), new File(['two'], 'two')), 'own', HOUR);
    expect(isShared(id)).toBe(true);
    const shared = await readShared(id);
    expect(shared).toMatchObject({ from: 'own', text: 'A page\nhttps://example.org/' });
    const [one, two, ...more] = await filesOf(id, shared);
    expect([one.name, one.type, one.lastModified]).toEqual(['Überblick 图.png', 'image/png', 1_234_567_890_000]);
    expect(await one.text()).toBe('\u0000\u00ff');
    expect([two.name, await two.text(), more]).toEqual(['two', 'two', []]);
    await dropShared(id);
    expect([held(it), await readShared(id)]).toEqual([[], undefined]);
  });

  test.each([
    ['../x', 'x'],
    ['/a/b.txt', 'b.txt'],
    ['C:\\Users\\ana\\b.txt', 'b.txt'],
    ['a/', 'file'],
    ['', 'file'],
    ['..', 'file'],
    [' . ', 'file'],
    ['\u202Egnp.exe', '\u202Egnp.exe'],
    [`${'x'.repeat(10_000)}.jpeg`, `${'x'.repeat(195)}.jpeg`],
    [`${'😀'.repeat(5000)}.png`, `${'😀'.repeat(49)}.png`],
    [`a.${'b'.repeat(10_000)}`, `a.${'b'.repeat(198)}`],
  ])('has files whose names can be sent: %#', async (given, kept) => {
    disk();
    const { id } = await keepShared(form(new File(['x'], given)), 'own', 1);
    expect((await filesOf(id, await readShared(id))).map(({ name }) => name)).toEqual([kept]);
  });

  test('is not named any more once some of its bytes may be gone', async () => {
    const it = disk();
    const { id } = await keepShared(form(picture(), picture()), 'own', 1);
    const { open } = it.caches;
    it.caches.open = async (name) => {
      const cache = await open(name);
      const left = [cache.delete, () => Promise.reject(new Error('the browser ends'))];
      return { ...cache, delete: (key) => (left.shift() ?? (() => Promise.reject(new Error('ended'))))(key) };
    };
    await expect(dropShared(id)).rejects.toThrow('the browser ends');
    expect(await readShared(id)).toBe(undefined);
  });

  test('two shares do not mix; what is older than an hour goes, and so does what comes from the future', async () => {
    const it = disk();
    const ids = [];
    for (const now of [1, 1, HOUR, 3 * HOUR]) ids.push((await keepShared(form(picture()), 'own', now)).id);
    expect(new Set(ids).size).toBe(4);
    await dropOld(HOUR + 2);
    expect(held(it)).toEqual([]);
    const last = await keepShared(form(), 'own', HOUR + 2);
    expect(held(it)).toEqual([`/shared/${last.id}`]);
  });

  test('not more than eight wait: the oldest makes room', async () => {
    const it = disk();
    for (let now = 1; now <= 10; now += 1) await keepShared(form(picture()), 'own', now);
    expect(new Set(held(it).map((path) => Number(path.split('/')[2].split('-')[0])))).toEqual(
      new Set([3, 4, 5, 6, 7, 8, 9, 10]),
    );
  });

  test('without room nothing of it is left, and the rest stays', async () => {
    const it = disk();
    const first = await keepShared(form(), 'own', 1);
    it.room = 5;
    expect(await keepShared(form(new File(['1234'], 'a'), new File(['1234'], 'b')), 'own', 2)).toEqual({
      problem: 'room',
    });
    expect(held(it)).toEqual([`/shared/${first.id}`]);
  });

  test('too many files are refused', async () => {
    const it = disk();
    const many = Array.from({ length: 1025 }, (_, n) => new File(['x'], `${n}`));
    expect(await keepShared(form(...many), 'own', 1)).toEqual({ problem: 'many' });
    expect(held(it)).toEqual([]);
  });

  const formOf = (made) => ({ formData: async () => made });
  const from = (origin) => ({
    headers: new Headers(origin ? { origin } : {}),
    mode: 'navigate',
    destination: 'document',
  });

  test.each([
    ['another site', { ...from('https://evil.example') }, 403],
    ['a frame of somebody who hides their origin', { ...from('null'), destination: 'iframe' }, 403],
    ['somebody who hides their origin', { ...from('null') }, 303],
    ['the page', { ...from('https://relay') }, 303],
  ])('from %s', async (_who, request, status) => {
    const { post } = await serviceWorker([]);
    expect((await post({ ...request, ...formOf(form()) })).status).toBe(status);
  });

  test('a form that cannot be read leads to a page that says so', async () => {
    const { post } = await serviceWorker([]);
    const answer = await post({ ...from('null'), formData: () => Promise.reject(new TypeError('cut off')) });
    expect(answer.headers.get('location')).toBe('/?do=share&problem=broken');
  });
});
