/**
 * Thumbnails: a small version of each picture that was sent or received, for both sides of a thread. They stay when the
 * copy of a sent file is gone, and go with their message, their contact, or the received file that was removed.
 *
 * They are made one after the other, so that at most one picture is decoded at a time. The message says which there
 * are and how large the pictures are, so that a thread has room for them before they load.
 */
import { asError } from '../errors.js';
import { BYTES, deleteBytes, done } from '../db.js';
import { pictureSize } from './picture_size.js';

/** The longer side of a thumbnail, in pixels: a card on a dense screen. */
const SIDE = 640;
const QUALITY = 0.8;
/** Where nothing can be drawn, a picture of at most this many bytes is its own thumbnail. */
const ITSELF_MAX = 1_000_000;
/** A larger file is not decoded. */
const BYTES_MAX = 50_000_000;
/** Of a card with more files, the first ones get a thumbnail. */
const PLACES_MAX = 60;
/** Types that a browser shows as a picture and never runs. */
export const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);

/** @typedef {import('../types.js').FileMessage} FileMessage */
/** @typedef {import('../types.js').FileRecord} FileRecord */
/** @typedef {{blob: Blob, width: number, height: number}} Made width, height: of the picture itself */

/** All thumbnails of a card. @param {string} contact @param {number} n */
export const thumbsOf = (contact, n) => IDBKeyRange.bound([contact, n], [contact, n, []]);

/**
 * Returns whether the browser may decode a file as a picture.
 * @param {Blob} blob
 */
export const mayShow = async (blob) => blob.size <= BYTES_MAX && (await pictureSize(blob)) !== null;

/**
 * Returns whether this browser draws what it is told. Some answer with noise, so that nobody is recognized by how their
 * device draws.
 */
function drawsTruly() {
  if (typeof OffscreenCanvas === 'undefined') return false;
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  if (!context) return false;
  const colour = [30, 90, 210];
  context.fillStyle = `rgb(${colour.join(' ')})`;
  context.fillRect(0, 0, 1, 1);
  const { data } = context.getImageData(0, 0, 1, 1);
  return colour.every((part, index) => Math.abs(part - data[index]) < 4);
}

/**
 * Returns a thumbnail, or null if the file is no picture, or one that must not be decoded. Where nothing can be drawn,
 * a picture that is small is its own thumbnail.
 * @param {Blob} blob @returns {Promise<Made | null>}
 */
export async function makeThumb(blob) {
  if (!(await mayShow(blob))) return null;
  const picture = await createImageBitmap(blob).catch(() => null);
  if (!picture) return null;
  try {
    const { width, height } = picture;
    if (!drawsTruly()) return blob.size <= ITSELF_MAX ? { blob, width, height } : null;
    const scale = Math.min(1, SIDE / Math.max(width, height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    const context = canvas.getContext('2d');
    if (!context) return null;
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    // A browser that cannot write WebP writes PNG.
    return { blob: await canvas.convertToBlob({ type: 'image/webp', quality: QUALITY }), width, height };
  } finally {
    picture.close();
  }
}

/**
 * @typedef {object} ThumbServices
 * @property {import('../db.js').Db} db
 * @property {(contact: string, messages: FileMessage[]) => void} shown cards have changed
 * @property {(text: string) => void} log
 * @property {(blob: Blob) => Promise<Made | null>} [make]
 */

export class Thumbs {
  /** @param {ThumbServices} services */
  constructor({ db, shown, log, make = makeThumb }) {
    this.db = db;
    this.shown = shown;
    this.log = log;
    this.make = make;
    /** The last of the jobs that run one after the other. @type {Promise<unknown>} */
    this.jobs = Promise.resolve();
  }

  /**
   * Makes and keeps the thumbnail of a file, unless it is no picture. Resolves when that is done, or has failed.
   * @param {FileRecord} record @param {() => Blob | undefined | Promise<Blob | undefined>} bytes
   */
  add(record, bytes) {
    if (!PICTURES.has(record.type) || record.n >= PLACES_MAX || record.size > BYTES_MAX) return Promise.resolve();
    this.jobs = this.jobs
      .then(async () => {
        const blob = await bytes();
        if (blob) await this.keep(record, await this.make(blob));
      })
      .catch((error) => this.log(`no thumbnail: ${asError(error).name ?? error}`));
    return this.jobs;
  }

  /**
   * Stores a thumbnail, and says so in its message, unless that is gone or its files were removed.
   * @param {FileRecord} record @param {Made | null} made null: there cannot be one
   */
  async keep({ contact, card: n, id, path, n: place }, made) {
    const changed = await this.db.write(
      'messages',
      async (messages, thumbs) => {
        /** @type {FileMessage | undefined} */
        const message = await done(messages.get(n));
        if (!message || message.state === 'removed' || message.contact !== contact) return null;
        const others = (message.pictures ?? []).filter((one) => one.id !== id);
        const name = path.split('/').at(-1) ?? '';
        const own = made ? [{ id, name, place, width: made.width, height: made.height }] : [];
        const pictures = [...others, ...own].sort((a, b) => a.place - b.place);
        if (made) await done(thumbs.put(made.blob, [contact, n, id]));
        const next = { ...message, pictures };
        await done(messages.put(next));
        return next;
      },
      'thumbs',
    );
    if (changed) this.shown(contact, [changed]);
  }

  /**
   * Marks the files of a card as removed, and deletes their bytes and thumbnails: all of it or nothing.
   * @param {number} n the number of its message @param {string[]} files their keys
   */
  async remove(n, files) {
    const changed = await this.db.write(
      'messages',
      async (messages, thumbs, ...bytes) => {
        /** @type {FileMessage | undefined} */
        const message = await done(messages.get(n));
        if (!message) return null;
        /** @type {FileMessage} */
        const next = { ...message, state: 'removed' };
        delete next.pictures;
        await Promise.all([
          done(messages.put(next)),
          done(thumbs.delete(thumbsOf(message.contact, n))),
          deleteBytes(files, ...bytes),
        ]);
        return next;
      },
      'thumbs',
      ...BYTES,
    );
    if (changed) this.shown(changed.contact, [changed]);
  }

  /**
   * Returns a thumbnail, or null if there is none.
   * @param {string} contact @param {number} n the number of the message @param {string} id of the file
   * @returns {Promise<Blob | null>}
   */
  async get(contact, n, id) {
    return (await done(this.db.read('thumbs').get([contact, n, id]))) ?? null;
  }

  /** Returns how many bytes the thumbnail of a file has. @param {FileRecord} record */
  async bytes({ contact, card, id, type }) {
    return PICTURES.has(type) ? ((await this.get(contact, card, id))?.size ?? 0) : 0;
  }
}
