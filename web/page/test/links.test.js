/** Links in texts: where they begin and end, what they open, and that hostile texts cost little. */
import { describe, expect, test } from 'vitest';
import { findLinks } from '../view/links.js';

/** The links of a text, as they are written in it. */
const linksOf = (text) => {
  const parts = findLinks(text);
  expect(parts.map((part) => part.text).join('')).toBe(text);
  return parts.filter(({ href }) => href).map((part) => part.text);
};
const hrefOf = (text) => findLinks(text).find(({ href }) => href)?.href;
const opensOf = (text) => findLinks(text).find(({ href }) => href)?.opens;

describe('an address ends where it ends', () => {
  test.each([
    ['https://en.wikipedia.org/wiki/Pair_(parity)', 'https://en.wikipedia.org/wiki/Pair_(parity)'],
    ['(https://en.wikipedia.org/wiki/Pair_(parity))', 'https://en.wikipedia.org/wiki/Pair_(parity)'],
    ['see https://en.wikipedia.org/wiki/Pair_(parity).', 'https://en.wikipedia.org/wiki/Pair_(parity)'],
    ['(see https://example.org/a), and more', 'https://example.org/a'],
    ['[here](https://example.org/a)', 'https://example.org/a'],
    ['https://example.org/a[1]?b={c}#d', 'https://example.org/a[1]?b={c}#d'],
    ['https://example.org.', 'https://example.org'],
    ['https://example.org/?!', 'https://example.org/'],
    ['is it https://example.org/a?b=c, or not', 'https://example.org/a?b=c'],
    ['“https://example.org/a”', 'https://example.org/a'],
    ["'https://example.org/a'", 'https://example.org/a'],
    ['"https://example.org/a"', 'https://example.org/a'],
    ['«https://example.org/a»', 'https://example.org/a'],
    ['<https://example.org/a>', 'https://example.org/a'],
    ['*https://example.org/a*', 'https://example.org/a'],
    ['_https://example.org/a_b_', 'https://example.org/a_b'],
    ["https://example.org/it's", "https://example.org/it's"],
    ['https://fr.wikipedia.org/wiki/L’Oréal', 'https://fr.wikipedia.org/wiki/L’Oréal'],
    ['请看https://example.org/路径。然后', 'https://example.org/路径'],
    ['请看（https://example.org/a）', 'https://example.org/a'],
    ['看https://example.com好的', 'https://example.com'],
    ['「https://example.org/a」', 'https://example.org/a'],
    ['انظر https://example.org/a، ثم', 'https://example.org/a'],
    ['هل رأيت https://example.org/a؟', 'https://example.org/a'],
    ['https://example.org/a\nnext', 'https://example.org/a'],
    ['HTTPS://Example.org/A', 'HTTPS://Example.org/A'],
    ['http://localhost:8787/x', 'http://localhost:8787/x'],
    ['http://192.168.1.4:8787', 'http://192.168.1.4:8787'],
    ['http://[::1]:8787/', 'http://[::1]:8787/'],
    ['https://example.org/a…', 'https://example.org/a'],
    ['https://medium.com/@ana/story', 'https://medium.com/@ana/story'],
    ['https://example.org:', 'https://example.org'],
    ['https://example.org/a(', 'https://example.org/a'],
  ])('%s', (text, link) => expect(linksOf(text)).toEqual([link]));

  test('several in one text', () =>
    expect(linksOf('https://a.example/1,https://b.example/2 and (www.c.example) or d@e.example!')).toEqual([
      'https://a.example/1,https://b.example/2',
      'www.c.example',
      'd@e.example',
    ]));
});

describe('what is a link', () => {
  test.each([
    ['www.example.org', 'https://www.example.org/'],
    ['see www.example.org/a_(b).', 'https://www.example.org/a_(b)'],
    ['WWW.Example.org', 'https://www.example.org/'],
    ['write to ana@example.org, please', 'mailto:ana@example.org'],
    ['<ana.b+c@mail.example.org>', 'mailto:ana.b%2Bc@mail.example.org'],
    ['mailto:ana@example.org', 'mailto:ana@example.org'],
    ['www.foo@example.org', 'mailto:www.foo@example.org'],
  ])('%s opens %s', (text, href) => expect(hrefOf(text)).toBe(href));

  test.each([
    'example.org',
    'http://',
    'https://…',
    'https:// example.org',
    'xhttps://example.org',
    'ftp://example.org/',
    'javascript:alert(1)',
    'data:text/html,https',
    'file:///etc/passwd',
    'www.',
    'www.x',
    'a.www.example.org',
    'a@b',
    '@ana',
    '@ana@example.social',
    'ana@@example.org',
    'ana@127.0.0.1',
    '..@example.org',
    '4821-copper-violin',
  ])('not %s', (text) => expect(linksOf(text)).toEqual([]));
});

describe('what opens is what is read', () => {
  test.each([
    ['https://\u0430pple.com/', 'xn--pple-43d.com'],
    ['https://b\u00fccher.example/', 'xn--bcher-kva.example'],
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['ana@\u0430pple.com', 'xn--pple-43d.com'],
    ['https://\uff45xample.org/', 'example.org'],
  ])('%s says that it opens %s', (text, host) => expect(opensOf(text)).toBe(host));

  test.each(['https://example.org/', 'https://EXAMPLE.org/x', 'http://127.0.0.1/', 'ana@Example.org'])(
    '%s needs no more words',
    (text) => expect(opensOf(text)).toBe(undefined),
  );

  test.each([
    'https://bank.example@evil.example/',
    'https://bank.example:80@evil.example/',
    'https://u:p@evil.example/',
  ])('no link with a name and a password: %s', (text) =>
    expect(linksOf(text).filter((link) => link.startsWith('http'))).toEqual([]),
  );

  test('marks that change the direction of writing end an address', () => {
    expect(linksOf('https://example.org/\u202egpj.exe')).toEqual(['https://example.org/']);
    expect(linksOf('https://exa\u200bmple.org/')).toEqual(['https://exa']);
  });

  test('a backslash, which browsers read as a slash, ends one', () =>
    expect(hrefOf('https://example.org\\@evil.example/')).toBe('https://example.org/'));
});

describe('hostile texts', () => {
  const pieces = [
    'https://',
    'www.',
    '@',
    '(',
    ')',
    '.',
    'a',
    '-',
    ':',
    '/',
    ' ',
    '"',
    'é',
    '\u202e',
    '。',
    '[',
    ']',
    '%',
  ];
  let seed = 7;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;

  test('whatever comes, the parts are the text, and links are of three kinds', () => {
    for (let round = 0; round < 3000; round += 1) {
      const text = Array.from({ length: random(40) }, () => pieces[random(pieces.length)]).join('');
      const parts = findLinks(text);
      expect(parts.map((part) => part.text).join('')).toBe(text);
      for (const { href } of parts.filter((part) => part.href)) {
        expect(['http:', 'https:', 'mailto:']).toContain(new URL(href).protocol);
        expect(new URL(href).username).toBe('');
      }
    }
  });

  // Work that grew with the square of the length would not end before the test is stopped.
  test.each([
    'http://',
    'https://.',
    'http://1.2.3.999/',
    'http://a:99999/',
    'http://a:1:',
    'http://a@',
    'www.',
    'www.a',
    'a@',
    'a.',
    '@',
    '(',
    'http://(',
    'a-@b-',
    '\u202ehttps://\u202e',
  ])('a million characters of %s', (piece) => {
    const text = piece.repeat(1_000_000 / piece.length);
    expect(
      findLinks(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });

  test('a text of many links has the first 200', () =>
    expect(linksOf('https://a.example/ '.repeat(5000)).length).toBe(200));
});
