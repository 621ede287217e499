import { describe, expect, test } from 'vitest';
import { fold, matches, snippet, termsOf } from '../engine/fold.js';
import { PAGE, searchSlice } from '../engine/search.js';
import { MemoryDb } from './memory-db.js';

const found = (text, query) => matches(text, termsOf(query));
/** The snippet, with what is marked between brackets. */
const marked = (text, query) =>
  snippet(text, termsOf(query))
    .map(({ text: part, hit }) => (hit ? `[${part}]` : part))
    .join('');

describe('folding', () => {
  test.each([
    ['Café au lait', 'cafe'],
    ['cafe', 'CAFÉ'],
    ['Straße', 'strasse'],
    ['STRASSE', 'straße'],
    ['İstanbul', 'istanbul'],
    ['ΟΔΟΣ', 'οδος'],
    ['οδός', 'ΟΔΟΣ'],
    ['Ёлка', 'елка'],
    ['مُحَمَّد', 'محمد'],
    ['أحمد', 'احمد'],
    ['مـرحـبـا', 'مرحبا'],
    ['שָׁלוֹם', 'שלום'],
    ['ｆｕｌｌ　ｗｉｄｔｈ', 'full width'],
    ['한글', '한글'],
    ['नमस्ते', 'नमस्ते'],
    ['日本語の文章', '語の'],
    ['🍎 apple', '🍎'],
    ['Tiếng Việt', 'tieng viet'],
    ['holiday photo.JPG', 'photo.jpg'],
    ['two words far apart', 'apart two'],
  ])('%s is found by %s', (text, query) => expect(found(text, query)).toBe(true));

  test.each([
    ['की', 'का'],
    ['two words', 'two three'],
    ['abc', 'a.c'],
    ['abc', 'abc*'],
    ['abc', ''],
    ['abc', ' \n '],
    ['abc', '\u0301\u0302'],
  ])('%s is not found by %s', (text, query) => expect(found(text, query)).toBe(false));

  test.each(['.*', '(a+)+$', '[', '\\', '%_', '\u0000', '<b>', '$&', 'a"b', "' OR 1=1"])(
    'a query is plain text: %s',
    (query) => expect(found(`before ${query} after`, query)).toBe(true),
  );

  test('letter by letter is the same as the whole, or marks would stand at the wrong place', () => {
    for (const text of ['ΟΔΟΣ ΟΔΟΣ', 'Straße', 'İ', 'ﬁnd', 'e\u0301\u0323x', '한글', 'مُحَمَّد', 'ǅ', '㎏'])
      expect([...text].map(fold).join('')).toBe(fold(text));
  });

  test('a query is bounded', () => {
    expect(termsOf('a '.repeat(1000))).toEqual(['a']);
    expect(termsOf(Array.from({ length: 50 }, (_, n) => n).join(' ')).length).toBe(8);
    expect(termsOf('x'.repeat(1e6))[0].length).toBe(200);
    expect(termsOf(undefined)).toEqual([]);
  });
});

describe('snippets', () => {
  test('mark each match, in whole letters', () => {
    expect(marked('Café, cafe\u0301 and more', 'cafe')).toBe('[Café], [cafe\u0301] and more');
    expect(marked('Große Straße', 'strasse')).toBe('Große [Straße]');
    expect(marked('a🍎b', '🍎')).toBe('a[🍎]b');
    expect(marked('say\n\nhello\tthere', 'hello')).toBe('say [hello] there');
  });
  test('a long text is cut around the first match', () => {
    const text = `${'word '.repeat(200)}needle${' more'.repeat(200)}`;
    const shown = marked(text, 'needle');
    expect(shown).toMatch(/^…word .*\[needle\] more.*…$/);
    expect(shown.length).toBeLessThan(180);
    expect(marked(`${'🍎'.repeat(100)}x`, 'x')).not.toMatch(/^…[\udc00-\udfff]/u);
  });
});

describe('searching', () => {
  async function filled(texts) {
    const db = new MemoryDb();
    for (const [n, [contact, text, kind = 'text']] of texts.entries()) {
      const file = kind === 'text' ? undefined : { group: kind === 'folder' ? 'group' : '' };
      const what = { kind: file ? 'file' : 'text', text, ...(file && { file }) };
      await db.addMessage({ contact, mine: 0, id: String(n), ...what, at: 1000 + n });
    }
    return db;
  }
  const all = async (db, sought, clock = () => 0) => {
    const hits = [];
    let slices = 0;
    for (let before; ; slices += 1) {
      const slice = await searchSlice(db, { ...sought, before }, clock);
      hits.push(...slice.hits);
      if (slice.next === null) return { hits, slices: slices + 1 };
      before = slice.next;
    }
  };

  test('newest first, all conversations or one, texts and names of files', async () => {
    const db = await filled([
      ['ana', 'The garden plan'],
      ['bo', 'nothing'],
      ['bo', 'garden.pdf', 'file'],
      ['ana', 'Gärden'],
      ['ana', 'other'],
    ]);
    expect((await all(db, { query: 'garden' })).hits.map(({ n }) => n)).toEqual([4, 3, 1]);
    expect((await all(db, { query: 'garden', contact: 'bo' })).hits).toEqual([
      {
        n: 3,
        contact: 'bo',
        mine: 0,
        kind: 'file',
        at: 1002,
        parts: [
          { text: 'garden', hit: true },
          { text: '.pdf', hit: false },
        ],
      },
    ]);
    expect((await all(db, { query: ' ' })).hits).toEqual([]);
  });

  test('a folder is found by the names of the files in it, and shows which', async () => {
    const db = await filled([
      ['ana', 'Holiday', 'folder'],
      ['ana', 'single.txt', 'file'],
      ['ana', 'Holiday in a text'],
    ]);
    db.paths.set(1, ['Holiday/beach.jpg', 'Holiday/day two/Café.jpg', 'Holiday/day two/other café.jpg']);
    db.paths.set(2, ['cafe']); // of no folder
    const { hits } = await all(db, { query: 'cafe jpg' });
    expect(hits.map(({ n, parts }) => [n, parts.map(({ text }) => text).join('')])).toEqual([
      [1, 'Holiday/day two/Café.jpg'],
    ]);
    expect((await all(db, { query: 'holiday' })).hits.map(({ parts }) => parts.length)).toEqual([2, 1]);
    db.paths.set(1, [...Array.from({ length: 1000 }, (_, n) => `Holiday/${n}`), 'Holiday/too far']);
    expect((await all(db, { query: 'too far' })).hits).toEqual([]);
  });

  test('of one conversation, no message of another is read', async () => {
    const db = await filled(Array.from({ length: 90 }, (_, n) => [n % 30 ? 'bo' : 'ana', 'text']));
    const read = [];
    const older = db.older.bind(db);
    db.older = async (before, which) => {
      const batch = await older(before, which);
      read.push(...batch.list.map(({ contact }) => contact));
      return batch;
    };
    expect((await all(db, { query: 'text', contact: 'ana' })).hits.length).toBe(3);
    expect(read).toEqual(['ana', 'ana', 'ana']);
  });

  test('reads more at once while the messages are short', async () => {
    const counts = async (text) => {
      const db = await filled(Array.from({ length: 20 }, () => ['ana', text]));
      const asked = [];
      const older = db.older.bind(db);
      db.older = (before, which) => (asked.push(which.count), older(before, which));
      await all(db, { query: 'nowhere' });
      return asked.slice(0, 5);
    };
    expect(await counts('short')).toEqual([100, 200, 400, 500, 500]);
    expect(await counts('long '.repeat(10_000))).toEqual([100, 100, 100, 100, 100]);
  });

  test('in pages, without a message twice or left out', async () => {
    const db = await filled(Array.from({ length: 100 }, (_, n) => ['ana', n % 2 ? 'even' : 'odd']));
    const { hits, slices } = await all(db, { query: 'odd' });
    expect(hits.map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, n) => 99 - 2 * n));
    expect(slices).toBeGreaterThan(50 / PAGE);
  });

  test('of a long text, the beginning is searched', async () => {
    const long = 'é'.repeat(65_000);
    const db = await filled([
      ['ana', `${long} needle`],
      ['bo', `${long}${long} needle`],
    ]);
    expect((await all(db, { query: 'needle' })).hits.map(({ contact }) => contact)).toEqual(['ana']);
  });

  test('a slice ends after its time, and the next goes on there', async () => {
    const db = await filled(Array.from({ length: 30 }, () => ['ana', 'text']));
    let now = 0;
    const slow = () => (now += 200);
    const first = await searchSlice(db, { query: 'nowhere' }, slow);
    expect(first).toEqual({ hits: [], next: 30 });
    expect((await all(db, { query: 'text' }, slow)).hits.length).toBe(30);
  });
});
