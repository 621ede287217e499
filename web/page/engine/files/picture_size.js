/**
 * How large a picture is, from its header, before anything decodes it: a few bytes can claim so many pixels that
 * decoding them takes all of the memory. Who sent the picture wrote the header, so nothing in it is believed: each
 * reader looks at a bounded number of places, and returns null for whatever it does not know.
 *
 * The format is told by the first bytes, as a browser does, and not by the media type.
 */

/** The most pixels that are decoded; each takes four bytes. The largest cameras of phones have 50 million. */
const PIXELS_MAX = 51_000_000;
const SIDE_MAX = 32_767;
/** How many bytes are read at once. Most headers are shorter. */
const HEAD_BYTES = 65_536;
/** The most segments or blocks that are stepped over. */
const STEPS_MAX = 4096;

/** @typedef {{width: number, height: number}} Size */
/** @typedef {(at: number, length: number) => Promise<DataView>} Read throws RangeError beyond the end */

const BEYOND = 'beyond the end';

/** Returns a function that reads a blob; its head is read once. @param {Blob} blob @returns {Promise<Read>} */
async function reader(blob) {
  const head = await blob.slice(0, HEAD_BYTES).arrayBuffer();
  return async (at, length) => {
    if (at + length > blob.size) throw new RangeError(BEYOND);
    if (at + length <= head.byteLength) return new DataView(head, at, length);
    return new DataView(await blob.slice(at, at + length).arrayBuffer());
  };
}

/** @param {DataView} view @param {number} at @param {number} length */
const ascii = (view, at, length) => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));

/**
 * Returns the size that the header of a picture states, or null if the browser must not decode it: it is no picture of
 * a kind that is known, it is cut short, or it is too large.
 * @param {Blob} blob @returns {Promise<Size | null>}
 */
export async function pictureSize(blob) {
  try {
    const read = await reader(blob);
    const start = await read(0, 12);
    const kind = kinds.find(({ is }) => is(start));
    const size = (await kind?.size(read)) ?? null;
    return size && isSane(size) ? size : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** @param {Size} size */
const isSane = ({ width, height }) =>
  width >= 1 && height >= 1 && width <= SIDE_MAX && height <= SIDE_MAX && width * height <= PIXELS_MAX;

/**
 * AVIF is not among them: its decoder makes room for what is stated deep inside each compressed tile, whatever the
 * boxes around it say.
 * @type {{is: (start: DataView) => boolean, size: (read: Read) => Promise<Size | null>}[]}
 */
const kinds = [
  { is: (start) => start.getUint32(0) === 0x89504e47 && start.getUint32(4) === 0x0d0a1a0a, size: png },
  { is: (start) => start.getUint16(0) === 0xffd8, size: jpeg },
  { is: (start) => /^GIF8[79]a/.test(ascii(start, 0, 6)), size: gif },
  { is: (start) => ascii(start, 0, 4) === 'RIFF' && ascii(start, 8, 4) === 'WEBP', size: webp },
  { is: (start) => ascii(start, 0, 2) === 'BM', size: bmp },
];

/** The first chunk is IHDR. @param {Read} read @returns {Promise<Size | null>} */
async function png(read) {
  const chunk = await read(8, 16);
  return ascii(chunk, 4, 4) === 'IHDR' ? { width: chunk.getUint32(8), height: chunk.getUint32(12) } : null;
}

/**
 * Steps over the segments up to the frame, which states the size.
 * @param {Read} read @returns {Promise<Size | null>}
 */
async function jpeg(read) {
  let at = 2;
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const two = await read(at, 2);
    if (two.getUint8(0) !== 0xff) return null;
    const marker = two.getUint8(1);
    if (marker === 0xff) {
      at += 1; // bytes that fill up
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2; // a marker without a segment
      continue;
    }
    // A decoder looks for the next marker right after FF 00, and so inside of what would be skipped here. It refuses
    // the other low ones.
    if (marker < 0xc0) return null;
    if (marker === 0xd9 || marker === 0xda) return null; // it ends, or its data begin, without a frame
    if (isFrame(marker)) {
      const frame = await read(at + 5, 4);
      return { width: frame.getUint16(2), height: frame.getUint16(0) };
    }
    const length = (await read(at + 2, 2)).getUint16(0);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}

/** SOF0 to SOF15; DHT, JPG and DAC are among their numbers. @param {number} marker */
const isFrame = (marker) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** A first frame that is larger than the screen enlarges it. @param {Read} read @returns {Promise<Size | null>} */
async function gif(read) {
  const screen = await read(6, 5);
  const packed = screen.getUint8(4);
  let at = 13 + (packed & 0x80 ? 3 * 2 ** ((packed & 7) + 1) : 0);
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const block = (await read(at, 1)).getUint8(0);
    if (block === 0x2c) {
      const frame = await read(at + 1, 8);
      /** @param {number} place */
      const reach = (place) => frame.getUint16(place, true) + frame.getUint16(place + 4, true);
      return {
        width: Math.max(screen.getUint16(0, true), reach(0)),
        height: Math.max(screen.getUint16(2, true), reach(2)),
      };
    }
    if (block !== 0x21) return null;
    at += 2;
    for (let length = -1; length !== 0 && step < STEPS_MAX; step += 1) {
      length = (await read(at, 1)).getUint8(0);
      at += 1 + length;
    }
  }
  return null;
}

/** A decoder refuses a frame of another size than its canvas. @param {Read} read @returns {Promise<Size | null>} */
async function webp(read) {
  const chunk = await read(12, 18);
  const bits = chunk.getUint32(9, true);
  switch (ascii(chunk, 0, 4)) {
    case 'VP8X':
      return {
        width: 1 + (chunk.getUint32(12, true) & 0xffffff),
        height: 1 + (chunk.getUint16(15, true) | (chunk.getUint8(17) << 16)),
      };
    case 'VP8L':
      return chunk.getUint8(8) === 0x2f ? { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) } : null;
    case 'VP8 ':
      return chunk.getUint8(11) === 0x9d && chunk.getUint16(12) === 0x012a
        ? { width: chunk.getUint16(14, true) & 0x3fff, height: chunk.getUint16(16, true) & 0x3fff }
        : null;
    default:
      return null;
  }
}

/**
 * The old header has two bytes for each side. A negative height says that the rows begin at the top.
 * @param {Read} read @returns {Promise<Size | null>}
 */
async function bmp(read) {
  const header = await read(14, 12);
  if (header.getUint32(0, true) === 12) return { width: header.getUint16(4, true), height: header.getUint16(6, true) };
  return { width: header.getInt32(4, true), height: Math.abs(header.getInt32(8, true)) };
}
