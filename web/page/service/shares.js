/**
 * What other programs share, between the service worker, which takes it, and the page, which asks to whom it goes. It
 * lies in a cache of its own: `/shared/ID` says what was shared, `/shared/ID/N` are the bytes of file N. An ID begins
 * with the time, so that what nobody asks for is dropped after an hour.
 *
 * @typedef {{name: string, type: string, modified: number, size: number}} SharedFile
 * @typedef {{from: 'own' | 'installed', text: string, files: SharedFile[]}} Shared from: see `senderOf` in sw.js
 */
const CACHE = 'pairlink-shared';
const KEPT_MS = 3600_000;
const TEXT_MAX = 65000; // characters
/** As many as one group of files may have. */
const FILES_MAX = 1024;
/** How many shares may wait. A further one pushes out the oldest. */
const WAITING_MAX = 8;
/** The longest name of a file in bytes, as the other side keeps it. */
const NAME_BYTES = 200;
const ID = /^\d{1,16}-[0-9a-f-]{36}$/;

const open = () => caches.open(CACHE);
/** @param {string} id @param {number} [n] */
const pathOf = (id, n) => (n === undefined ? `/shared/${id}` : `/shared/${id}/${n}`);
/** @param {{url: string}} key */
const idOf = (key) => new URL(key.url).pathname.split('/')[2];
/** @param {string} id */
const timeOf = (id) => Number(id.split('-')[0]);

const encoder = new TextEncoder();
/** @param {string} text */
const bytesOf = (text) => encoder.encode(text).length;

/**
 * Returns a name that is one part of a path and can be sent. Programs give files any name, a whole path too. A long one
 * keeps its ending.
 * @param {string} given
 */
export function fileName(given) {
  const name = given.slice(Math.max(given.lastIndexOf('/'), given.lastIndexOf('\\')) + 1);
  if (/^[.\s]*$/.test(name)) return 'file';
  if (bytesOf(name) <= NAME_BYTES) return name;
  const end = /\.[^.]{1,16}$/.exec(name)?.[0] ?? '';
  let room = NAME_BYTES - bytesOf(end);
  let stem = '';
  for (const character of name.slice(0, name.length - end.length)) {
    room -= bytesOf(character);
    if (room < 0) break;
    stem += character;
  }
  return stem + end;
}

/** Whether a text from the address bar can be an ID. @param {string | null} text @returns {text is string} */
export const isShared = (text) => text !== null && ID.test(text);

/**
 * Keeps a form. Returns the ID, or why it could not be kept: 'many' files, no 'room', or 'broken'. Then nothing of it
 * is left.
 * @param {FormData} form @param {Shared['from']} from @param {number} now
 * @returns {Promise<{id: string} | {problem: 'many' | 'room' | 'broken'}>}
 */
export async function keepShared(form, from, now) {
  const id = `${now}-${crypto.randomUUID()}`;
  const parts = ['title', 'text', 'url']
    .map((name) => form.get(name))
    .filter((part) => typeof part === 'string' && part);
  // A form whose field for files is empty has a file without a name.
  const files = form.getAll('files').filter((one) => one instanceof File && (one.name || one.size > 0));
  if (files.length > FILES_MAX) return { problem: 'many' };
  /** @type {Shared} */
  const shared = { from, text: [...new Set(parts)].join('\n').slice(0, TEXT_MAX), files: [] };
  try {
    await dropOld(now, WAITING_MAX - 1);
    const cache = await open();
    for (const [n, file] of /** @type {File[]} */ (files).entries()) {
      shared.files.push({ name: fileName(file.name), type: file.type, modified: file.lastModified, size: file.size });
      await cache.put(pathOf(id, n), new Response(file));
    }
    await cache.put(pathOf(id), new Response(JSON.stringify(shared))); // last: what is named is whole
    return { id };
  } catch (error) {
    await dropShared(id).catch(() => {});
    return { problem: /** @type {Error} */ (error).name === 'QuotaExceededError' ? 'room' : 'broken' };
  }
}

/** Returns what was shared, or undefined when it was taken or has been dropped. @param {string} id */
export async function readShared(id) {
  const found = await (await open()).match(pathOf(id));
  return found && /** @type {Promise<Shared>} */ (found.json());
}

/**
 * Returns the files of a share with their bytes.
 * @param {string} id @param {Shared} shared @returns {Promise<File[]>}
 */
export async function filesOf(id, { files }) {
  const cache = await open();
  return Promise.all(
    files.map(async ({ name, type, modified }, n) => {
      const found = await cache.match(pathOf(id, n));
      if (!found) throw new Error('a shared file is missing');
      return new File([await found.blob()], name, { type, lastModified: modified });
    }),
  );
}

/** @param {string} id */
export const dropShared = (id) => drop((one) => one === id);

/**
 * Drops what is older than an hour, and the oldest of the rest when more than `most` wait.
 * @param {number} now in ms @param {number} [most]
 */
export async function dropOld(now, most = WAITING_MAX) {
  if (!(await caches.has(CACHE))) return;
  const ids = new Set((await (await open()).keys()).map(idOf));
  // A time that lies in the future was taken from a clock that was set back since.
  const good = [...ids].filter((id) => Math.abs(now - timeOf(id)) <= KEPT_MS).sort((a, b) => timeOf(b) - timeOf(a));
  const kept = new Set(good.slice(0, most));
  await drop((id) => !kept.has(id));
}

/**
 * Drops shares. The name of each goes before its bytes: what is named is whole.
 * @param {(id: string) => boolean} chosen
 */
async function drop(chosen) {
  const cache = await open();
  const keys = (await cache.keys()).filter((key) => chosen(idOf(key)));
  const names = keys.filter(({ url }) => new URL(url).pathname === pathOf(idOf({ url })));
  for (const key of new Set([...names, ...keys])) await cache.delete(key);
}
