/** Turns files that were chosen, dropped or pasted into cards, and saves received ones. */
import { call, newId } from './actions.js';
import { s } from '../strings/index.js';
import { jumpToNewest } from './threads.js';

/** @typedef {{file: File, path: string}} ChosenFile */
/** @typedef {ChosenFile | {file: null, path: string}} Chosen null: an empty folder */
/** @typedef {import('../engine/files/desk.js').NewCard} NewCard */

/** How long a browser has to start a download. */
const SAVE_MS = 60_000;
/** Archives have no earlier time. */
const ZIP_FIRST = new Date(1980, 0, 1).getTime();

/** @param {ChosenFile} chosen @returns {NewCard} */
const single = ({ file }) => {
  const id = newId();
  return { id, group: '', name: file.name, folder: false, files: [{ id, file, path: file.name }] };
};
/** @param {string} name @param {boolean} folder @param {Chosen[]} list @returns {NewCard} */
const together = (name, folder, list) => {
  const id = newId();
  return { id, group: id, name, folder, files: list.map(({ file, path }) => ({ id: newId(), file, path })) };
};

/** Returns a card for each folder, and one for all loose files. @param {Chosen[]} list */
export function cardsOf(list) {
  /** @type {Map<string, Chosen[]>} */
  const folders = new Map();
  /** @type {ChosenFile[]} */
  const loose = [];
  for (const one of list) {
    const [top, ...rest] = one.path.split('/');
    const folder = folders.get(top);
    if (rest.length === 0 && one.file) loose.push(one);
    else if (folder) folder.push(one);
    else folders.set(top, [one]);
  }
  const cards = [...folders].map(([name, files]) => together(name, true, files));
  if (loose.length > 1) return [...cards, together(loose[0].file.name, false, distinct(loose))];
  return [...cards, ...loose.map(single)];
}

/**
 * Gives files of the same name, such as pasted pictures, names that differ.
 * @param {ChosenFile[]} list @returns {ChosenFile[]}
 */
function distinct(list) {
  const taken = new Set();
  return list.map(({ file, path }) => {
    const [, stem, end] = /^(.+?)(\.[^.]*)?$/s.exec(path) ?? ['', path];
    let name = path;
    for (let n = 2; taken.has(name); n += 1) name = `${stem} (${n})${end ?? ''}`;
    taken.add(name);
    return { file, path: name };
  });
}

/**
 * Returns the files of a picker, with their path in the chosen folder.
 * @param {FileList | null} files @returns {ChosenFile[]}
 */
export const chosen = (files) =>
  [...(files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

/**
 * Offers files to a contact. Returns whether they are on their way: not to somebody who is blocked or in doubt.
 * @param {string} contact @param {Chosen[]} list
 */
export async function sendFiles(contact, list) {
  if (list.length === 0) return true;
  void jumpToNewest(contact, { remember: false });
  const { problem } = await call('sendFiles', { contact, cards: cardsOf(list) });
  return problem === undefined;
}

/**
 * Returns what was dropped, with all files in folders. Call it during the event: the list is empty afterwards.
 * @param {DataTransfer} transfer @returns {Promise<Chosen[]>}
 */
export function dropped(transfer) {
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.())
    .filter((entry) => entry !== null && entry !== undefined);
  if (entries.length === 0) return Promise.resolve(chosen(transfer.files));
  return Promise.all(entries.map((entry) => inside(entry, ''))).then((lists) => lists.flat());
}

/**
 * Returns the files and empty folders in an entry of the file system.
 * @param {FileSystemEntry} entry @param {string} above @returns {Promise<Chosen[]>}
 */
async function inside(entry, above) {
  const path = `${above}${entry.name}`;
  if (entry.isFile) {
    /** @type {File} */
    const file = await new Promise((done, fail) => /** @type {FileSystemFileEntry} */ (entry).file(done, fail));
    return [{ file, path }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) break; // a reader returns some entries at a time, and none at the end
    found.push(...some);
  }
  if (found.length === 0) return [{ file: null, path }];
  const lists = await Promise.all(found.map((one) => inside(one, `${path}/`)));
  return lists.flat();
}

/**
 * Saves a received file where the person wants it. Returns false if its bytes are not here.
 * @param {number} n @param {string} [id]
 */
export async function saveFile(n, id) {
  const found = await call('fileBlob', { n, id });
  if (!found) return false;
  download(found.blob, found.name);
  return true;
}

/**
 * Saves what a message brought: a file, or an archive of several.
 * @param {import('../engine/types.js').FileMessage} message
 */
export const saveMessage = ({ n, file: { group, folder, name } }) =>
  group ? saveAll(n, folder ? name : name.replace(/\.[^.]*$/, '')) : saveFile(n);

/** Saves all files of a card as one archive. @param {number} n @param {string} name */
export async function saveAll(n, name) {
  const [{ downloadZip }, list] = await Promise.all([import('client-zip'), call('filesOf', { n })]);
  const parts = zipParts(list, async (id) => (await call('fileBlob', { n, id }))?.blob);
  download(await downloadZip(parts).blob(), `${name || s.app}.zip`);
}

/**
 * Returns what an archive of received files has, with the times of the files.
 * @param {import('../engine/types.js').Answer<'filesOf'>} list
 * @param {(id: string) => Promise<Blob | undefined>} blobOf
 */
export async function* zipParts(list, blobOf) {
  for (const { id, path, state, folder, modified } of list) {
    if (state !== 'saved') continue;
    const time = modified !== undefined && { lastModified: new Date(Math.max(modified, ZIP_FIRST)) };
    const input = folder ? undefined : await blobOf(id);
    if (folder) yield { name: `${path}/`, ...time };
    else if (input) yield { name: path, input, ...time };
  }
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = Object.assign(document.createElement('a'), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), SAVE_MS);
}
