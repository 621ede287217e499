/** Files between the person and the engine: chosen, dropped or pasted ones become cards; what came is saved. */
import { call } from './actions.js';
import { s } from '../strings/index.js';

/** So many files that are sent together get a card each; more share one. */
const CARDS_MAX = 10;
/** Time for a browser to begin with a download. */
const SAVE_MS = 60_000;

const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const single = ({ file }) => {
  const id = newId();
  return { id, group: '', name: file.name, folder: false, files: [{ id, file, path: file.name }] };
};
const together = (name, folder, list) => {
  const id = newId();
  return { id, group: id, name, folder, files: list.map(({ file, path }) => ({ id: newId(), file, path })) };
};

/** One card for each folder, one for each loose file, or one for very many of them.
 * @param {{file: File, path: string}[]} list */
export function cardsOf(list) {
  const folders = new Map();
  const loose = [];
  for (const one of list) {
    const [top, ...rest] = one.path.split('/');
    if (rest.length === 0) loose.push(one);
    else if (folders.has(top)) folders.get(top).push(one);
    else folders.set(top, [one]);
  }
  const cards = [...folders].map(([name, files]) => together(name, true, files));
  if (loose.length > CARDS_MAX) return [...cards, together(loose[0].file.name, false, loose)];
  return [...cards, ...loose.map(single)];
}

/** @param {Iterable<File>} files of a picker; those of a folder know their path */
export const chosen = (files) => [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

export async function sendFiles(contact, list) {
  if (list.length > 0) await call('sendFiles', { contact, cards: cardsOf(list) });
}

/** What was dropped, with all that is in folders. Has to be called at once: the list is empty after the event.
 * @param {DataTransfer} transfer @returns {Promise<{file: File, path: string}[]>} */
export function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return Promise.resolve(chosen(transfer.files));
  return Promise.all(entries.map((entry) => inside(entry, ''))).then((lists) => lists.flat());
}

async function inside(entry, above) {
  const path = `${above}${entry.name}`;
  if (entry.isFile) return [{ file: await new Promise((done, fail) => entry.file(done, fail)), path }];
  const reader = entry.createReader();
  const found = [];
  // A reader gives some at a time, and none at the end.
  for (let some; (some = await new Promise((done, fail) => reader.readEntries(done, fail))).length > 0;)
    found.push(...some);
  const lists = await Promise.all(found.map((one) => inside(one, `${path}/`)));
  return lists.flat();
}

/** Lets the browser keep a file where the person wants it. @returns {Promise<boolean>} */
export async function saveFile(n, id) {
  const found = await call('fileBlob', { n, id });
  if (!found) return false;
  download(found.blob, found.name);
  return true;
}

/** All files of a card in one archive. */
export async function saveAll(n, name) {
  const [{ downloadZip }, list] = await Promise.all([import('client-zip'), call('filesOf', { n })]);
  const saved = list.filter(({ state }) => state === 'saved');
  async function* parts() {
    for (const { id, path } of saved) {
      const { blob } = await call('fileBlob', { n, id });
      yield { name: path, input: blob };
    }
  }
  download(await downloadZip(parts()).blob(), `${name || s.app}.zip`);
}

function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = Object.assign(document.createElement('a'), { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), SAVE_MS);
}
