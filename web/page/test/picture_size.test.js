/** How large a picture is, by its header: of each kind, and of headers that somebody made to do harm. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pictureSize } from '../engine/files/picture_size.js';

const text = (word) => [...word].map((letter) => letter.charCodeAt(0));
const be16 = (n) => [(n >> 8) & 255, n & 255];
const be32 = (n) => [...be16(n >>> 16), ...be16(n)];
const le16 = (n) => be16(n).reverse();
const le24 = (n) => [n & 255, ...le16(n >> 8)];
const le32 = (n) => be32(n).reverse();
const zeros = (count) => Array(count).fill(0);
const sizeOf = (...bytes) => pictureSize(new Blob([new Uint8Array(bytes.flat(Infinity))]));

const png = (width, height, first = 'IHDR') => [
  [0x89, ...text('PNG'), 13, 10, 26, 10],
  [be32(13), text(first), be32(width), be32(height), zeros(9)],
];
const segment = (marker, bytes) => [0xff, marker, be16(bytes.length + 2), bytes];
const frame = (width, height, marker = 0xc0) => [0xff, marker, be16(17), 8, be16(height), be16(width), zeros(10)];
const jpeg = (...segments) => [0xff, 0xd8, segments];
const gif = (width, height, ...rest) => [text('GIF89a'), le16(width), le16(height), 0, 0, 0, rest];
const image = (left, top, width, height) => [0x2c, le16(left), le16(top), le16(width), le16(height), 0, 2];
const webp = (chunk, bytes) => [text('RIFF'), le32(100), text('WEBP'), text(chunk), le32(50), bytes, zeros(20)];
const box = (type, ...content) => {
  const bytes = content.flat(Infinity);
  return [be32(8 + bytes.length), text(type), bytes];
};
const ispe = (width, height) => box('ispe', zeros(4), be32(width), be32(height));
const avif = (...properties) => [
  box('ftyp', text('avif'), zeros(4)),
  box('meta', zeros(4), box('hdlr', zeros(20)), box('iprp', box('ipco', box('pixi', zeros(8)), properties))),
];
const bmp = (width, height) => [text('BM'), zeros(12), le32(40), le32(width), le32(height)];

describe('the size of a picture', () => {
  test.each([
    ['PNG', png(640, 480)],
    ['JPEG', jpeg(segment(0xe0, zeros(14)), frame(640, 480))],
    [
      'JPEG, progressive, with a long profile before',
      jpeg(Array(3).fill(segment(0xe2, zeros(65_000))), frame(640, 480, 0xc2)),
    ],
    ['JPEG with bytes that fill up', jpeg([0xff, 0xff], segment(0xc4, zeros(20)), frame(640, 480))],
    ['GIF', gif(640, 480, image(0, 0, 640, 480))],
    ['GIF with comments before', gif(640, 480, [0x21, 0xfe, 3, 1, 2, 3, 0], image(10, 10, 20, 20))],
    ['GIF whose frame is larger than its screen', gif(1, 1, image(600, 400, 40, 80))],
    ['WebP', webp('VP8 ', [zeros(3), 0x9d, 0x01, 0x2a, le16(640), le16(480)])],
    ['WebP without loss', webp('VP8L', [0x2f, le32(639 | (479 << 14))])],
    ['WebP with more parts', webp('VP8X', [zeros(4), le24(639), le24(479)])],
    ['BMP', bmp(640, 480)],
    ['BMP from top to bottom', bmp(640, -480)],
  ])('%s', async (_, bytes) => {
    expect(await sizeOf(bytes)).toEqual({ width: 640, height: 480 });
  });

  test('real files', async () => {
    const icon = readFileSync(new URL('../icons/icon-192.png', import.meta.url));
    expect(await pictureSize(new Blob([icon]))).toEqual({ width: 192, height: 192 });
  });
});

describe('is not decoded', () => {
  test.each([
    ['nothing', []],
    ['a few bytes', text('GIF89a')],
    ['no picture', text('%PDF-1.7 and so on')],
    ['SVG', text('<svg xmlns="http://www.w3.org/2000/svg" width="9"/>')],
    ['a PNG of 10 gigapixels', png(100_000, 100_000)],
    ['a PNG that is long and thin', png(40_000, 1)],
    ['a PNG of four thousand million columns', png(0xffffffff, 1)],
    ['a PNG without pixels', png(0, 10)],
    ['a PNG that begins with something else', png(10, 10, 'tEXt')],
    ['a PNG that is cut short', png(10, 10).flat(Infinity).slice(0, 20)],
    ['a JPEG of 65,535 times 65,535', jpeg(frame(65_535, 65_535))],
    ['a JPEG whose segment ends beyond the file', jpeg([0xff, 0xe1, be16(60_000)], zeros(20))],
    ['a JPEG whose segment has no length', jpeg([0xff, 0xe1, 0, 0], zeros(20))],
    ['a JPEG whose data begin without a frame', jpeg(segment(0xda, zeros(10)), frame(9, 9))],
    ['a JPEG with a large frame that is not skipped', jpeg(segment(0x00, frame(65_000, 65_000).flat(2)), frame(9, 9))],
    ['a JPEG that ends at once', jpeg([0xff, 0xd9], frame(9, 9))],
    ['a JPEG of nothing but empty segments', jpeg(Array(5000).fill(segment(0xe0, [])), frame(9, 9))],
    ['a JPEG of nothing but filling', jpeg(Array(60_000).fill(0xff))],
    ['a GIF whose frame reaches 60,000 times 60,000', gif(1, 1, image(0, 0, 60_000, 60_000))],
    ['a GIF of nothing but comments', gif(9, 9, Array(5000).fill([0x21, 0xfe, 1, 1, 0]), image(0, 0, 9, 9))],
    ['a GIF with one comment that does not end', gif(9, 9, [0x21, 0xfe], Array(5000).fill([1, 1]))],
    ['a WebP of 16,777,216 times 16,777,216', webp('VP8X', [zeros(4), le24(0xffffff), le24(0xffffff)])],
    ['a WebP of 16,384 times 16,384', webp('VP8L', [0x2f, le32(0x0fffffff)])],
    ['a WebP that begins with something else', webp('ALPH', zeros(10))],
    ['an AVIF, whose boxes may say anything', avif(ispe(64, 48))],
    ['a film', [box('ftyp', text('isom'), zeros(4)), zeros(40)]],
    ['a BMP of 2,147,483,647 columns', bmp(0x7fffffff, 0x7fffffff)],
    ['a BMP of negative width', bmp(-5, 5)],
  ])('%s', async (_, bytes) => {
    expect(await sizeOf(bytes)).toBe(null);
  });

  test('any header with one byte changed is read without an error, and never as too large', async () => {
    const all = [
      png(64, 48),
      jpeg(segment(0xe0, zeros(14)), frame(64, 48)),
      gif(64, 48, [0x21, 0xfe, 1, 1, 0], image(0, 0, 64, 48)),
      webp('VP8X', [zeros(4), le24(63), le24(47)]),
      bmp(64, 48),
    ];
    for (const whole of all) {
      const bytes = Uint8Array.from(whole.flat(Infinity));
      for (let at = 0; at < bytes.length; at += 1)
        for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
          const size = await pictureSize(new Blob([bytes.with(at, value)]));
          expect((size?.width ?? 0) * (size?.height ?? 0)).toBeLessThanOrEqual(51_000_000);
        }
    }
  });
});
