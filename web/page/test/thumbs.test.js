/** Thumbnails: which are made, in which order, and what takes them away again. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { Thumbs, makeThumb } from '../engine/files/thumbs.js';
import { storage } from '../engine/storage.js';

/** A database of these stores, as far as thumbnails use it. Keys are compared as JSON. */
class Stores {
  kept = { messages: new Map(), thumbs: new Map(), pieces: new Map(), sources: new Map() };
  /** The store in which nothing can be deleted. */
  broken = '';
  store(name) {
    const all = this.kept[name];
    const within = (key, { lower }) => JSON.stringify(key.slice(0, lower.length)) === JSON.stringify(lower);
    return {
      get: (key) => answer(all.get(JSON.stringify(key))),
      put: (value, key = value.n) => answer(void all.set(JSON.stringify(key), value)),
      delete: (range) => {
        if (name === this.broken) throw new Error('disk');
        if (!range.lower) return answer(void all.delete(JSON.stringify(range)));
        for (const key of all.keys()) if (within(JSON.parse(key), range)) all.delete(key);
        return answer();
      },
    };
  }
  read(name) {
    return this.store(name);
  }
  async write(name, work, ...others) {
    const before = Object.fromEntries(Object.entries(this.kept).map(([one, all]) => [one, new Map(all)]));
    try {
      return await work(this.store(name), ...others.map((one) => this.store(one)));
    } catch (error) {
      this.kept = before;
      throw error;
    }
  }
}

const record = (more = {}) => ({
  contact: 'bo',
  card: 7,
  id: 'aa',
  path: 'a/dot.png',
  n: 0,
  type: 'image/png',
  size: 9,
  mine: 1,
  ...more,
});
const card = (n = 7, more = {}) => ({ n, contact: 'bo', kind: 'file', state: 'saved', ...more });

let db, shown, lines, thumbs, running, most;
beforeEach(() => {
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('IDBKeyRange', { bound: (lower, upper) => ({ lower, upper }) });
  db = new Stores();
  [shown, lines] = [[], []];
  running = most = 0;
  const make = async (blob) => {
    most = Math.max(most, (running += 1));
    await new Promise((done) => setTimeout(done));
    running -= 1;
    const words = await blob.text();
    if (words === 'broken') throw new Error('broken');
    return words === 'none' ? null : { blob: new Blob([`small ${words}`]), width: 40, height: 30 };
  };
  thumbs = new Thumbs({ db, make, shown: (_, list) => shown.push(...list), log: (line) => lines.push(line) });
});
const put = (message) => db.kept.messages.set(JSON.stringify(message.n), message);
const message = (n = 7) => db.kept.messages.get(JSON.stringify(n));
const add = (one, words = 'a picture') => thumbs.add(one, () => new Blob([words]));

describe('a thumbnail', () => {
  test('is kept, and its message says how large the picture is', async () => {
    put(card());
    await add(record());
    expect(await (await thumbs.get('bo', 7, 'aa')).text()).toBe('small a picture');
    expect(message().pictures).toEqual([{ id: 'aa', name: 'dot.png', place: 0, width: 40, height: 30 }]);
    expect(shown).toEqual([message()]);
    expect(await thumbs.bytes(record())).toBe('small a picture'.length);
  });

  test('those of a card are made one after the other, and stand in its order', async () => {
    put(card());
    await Promise.all([
      add(record({ id: 'cc', n: 2 })),
      add(record({ id: 'aa', n: 0 })),
      add(record({ id: 'bb', n: 1 })),
    ]);
    expect(message().pictures.map(({ id }) => id)).toEqual(['aa', 'bb', 'cc']);
    expect(most).toBe(1);
    await add(record({ id: 'bb', n: 1 }));
    expect(
      message().pictures.map(({ id }) => id),
      'made once more',
    ).toEqual(['aa', 'bb', 'cc']);
  });

  test('none is made of what is no picture, is too large, or is one of very many', async () => {
    put(card());
    let read = 0;
    for (const more of [{ type: 'image/svg+xml' }, { type: 'text/html' }, { size: 50_000_001 }, { n: 60 }])
      await thumbs.add(record(more), () => new Blob([`read ${(read += 1)}`]));
    expect([read, shown, db.kept.thumbs.size]).toEqual([0, [], 0]);
  });

  test('where there cannot be one, the message says that nobody has to look again', async () => {
    put(card());
    await add(record(), 'none');
    expect(message().pictures).toEqual([]);
    expect(await thumbs.get('bo', 7, 'aa')).toBe(null);
  });

  test('one that fails is logged, and those after it are made', async () => {
    put(card());
    await Promise.all([add(record(), 'broken'), add(record({ id: 'bb', n: 1 }))]);
    expect(lines).toEqual(['no thumbnail: Error']);
    expect(message().pictures.map(({ id }) => id)).toEqual(['bb']);
  });

  test.each([
    ['its message was deleted', () => db.kept.messages.clear()],
    ['its files were removed', () => thumbs.remove(7, ['k'])],
  ])('is not kept when %s meanwhile', async (_, end) => {
    put(card());
    const made = add(record());
    await end();
    await made;
    expect(db.kept.thumbs.size).toBe(0);
    expect(message()?.pictures).toBe(undefined);
  });

  test('goes with the received file, and no other goes', async () => {
    put(card(7));
    put(card(70));
    await add(record());
    await add(record({ card: 70 }));
    await thumbs.remove(7, ['k']);
    expect([...db.kept.thumbs.keys()]).toEqual(['["bo",70,"aa"]']);
    expect(message(7)).toEqual(card(7, { state: 'removed' }));
    expect(message(70).pictures).toHaveLength(1);
    await thumbs.remove(7, ['k']);
    await thumbs.remove(8, []);
    expect(message(8), 'a message that is not there').toBe(undefined);
  });
});

test.each(['pieces', 'thumbs'])('files are removed whole or not at all, when %s fails', async (broken) => {
  put(card());
  for (const key of ['k', 'other']) db.kept.pieces.set(JSON.stringify([key, 0, 9]), new Blob(['a picture']));
  db.kept.sources.set('"k"', new Blob(['a picture']));
  const before = structuredClone(Object.values(db.kept).map((all) => [...all.keys()]));
  db.broken = broken;
  await expect(thumbs.remove(7, ['k'])).rejects.toThrow('disk');
  expect(Object.values(db.kept).map((all) => [...all.keys()])).toEqual(before);
  expect([message().state, shown]).toEqual(['saved', []]);
  db.broken = '';
  await thumbs.remove(7, ['k']);
  expect([message().state, [...db.kept.pieces.keys()], db.kept.sources.size]).toEqual([
    'removed',
    ['["other",0,9]'],
    0,
  ]);
});

describe('making one', () => {
  const header = (size = 24) => {
    const bytes = new Uint8Array(size);
    bytes.set([0x89, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 4, 0, 0, 0, 2, 0]);
    return new Blob([bytes]);
  };
  let closed, drawn;
  const browser = ({ pixel = [30, 90, 211] } = {}) => {
    [closed, drawn] = [0, []];
    const picture = { width: 1024, height: 512, close: () => (closed += 1) };
    vi.stubGlobal(
      'createImageBitmap',
      vi.fn(async () => picture),
    );
    class Canvas {
      constructor(width, height) {
        Object.assign(this, { width, height });
      }
      getContext() {
        const drawImage = (_, ...place) => drawn.push(place);
        return { fillRect() {}, getImageData: () => ({ data: pixel }), drawImage };
      }
      convertToBlob = async ({ type }) => new Blob([`${this.width} × ${this.height} ${type}`]);
    }
    vi.stubGlobal('OffscreenCanvas', Canvas);
  };

  test('its longer side has 640 pixels, and the picture is let go', async () => {
    browser();
    const { blob, width, height } = await makeThumb(header());
    expect([await blob.text(), width, height]).toEqual(['640 × 320 image/webp', 1024, 512]);
    expect([drawn, closed]).toEqual([[[0, 0, 640, 320]], 1]);
  });

  test.each([
    ['draws noise', () => browser({ pixel: [255, 255, 255] })],
    ['has no canvas', () => (browser(), vi.stubGlobal('OffscreenCanvas', undefined))],
  ])('where the browser %s, a small picture is its own thumbnail, and a large one has none', async (_, begin) => {
    begin();
    const small = header();
    expect(await makeThumb(small)).toEqual({ blob: small, width: 1024, height: 512 });
    expect(await makeThumb(header(1_000_001))).toBe(null);
    expect([drawn, closed]).toEqual([[], 2]);
  });

  test('what is no picture, or cannot be decoded, has none', async () => {
    browser();
    expect(await makeThumb(new Blob(['no picture, but long enough to be looked at']))).toBe(null);
    expect(createImageBitmap).not.toHaveBeenCalled();
    createImageBitmap.mockRejectedValue(new DOMException('damaged'));
    expect(await makeThumb(header())).toBe(null);
  });
});

test('the storage that is used counts thumbnails, also of files that are not here any more', async () => {
  put(card());
  await add(record(), 'x'.repeat(100));
  const records = [record({ key: 'bo:1:aa' }), record({ key: 'bo:1:bb', id: 'bb', type: 'text/plain' })];
  const engine = {
    db: { read: () => ({ getAll: () => answer(records), count: () => answer(1) }) },
    files: { thumbs, store: { source: async () => undefined } },
  };
  const usage = await storage.usage(engine);
  expect(usage).toMatchObject({
    files: 0,
    bytes: 106,
    contacts: [{ contact: 'bo', files: 0, bytes: 106, received: 0 }],
  });
});

function answer(result) {
  const request = { result };
  queueMicrotask(() => request.onsuccess());
  return request;
}
