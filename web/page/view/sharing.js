/**
 * What another program shared with the page: where it goes. It stays in the service worker's cache until somebody was
 * chosen, so a reload loses nothing. Only the first of several tabs sends it.
 */
import { dropOld, dropShared, filesOf, isShared, readShared } from '../service/shares.js';
import { addToDraft } from './drafts.js';
import { sendFiles } from './files.js';
import { go } from './store.js';
import { NEXT, wait } from './waiting-files.js';

/** @typedef {import('../service/shares.js').Shared} Shared */

/**
 * Opens what was shared, as the address says. The address says it until then, so that a reload loses nothing.
 * @param {URLSearchParams} search
 */
export async function openShared(search) {
  const place = await placeOf(search).catch(() => cannotRead);
  history.replaceState(history.state, '', location.pathname);
  if (place) go(place);
}

/** @type {import('./store.js').Place} */
const cannotRead = { screen: 'share', problem: 'broken' };

/**
 * Returns where what was shared is shown; undefined: nowhere.
 * @param {URLSearchParams} search @returns {Promise<import('./store.js').Place | undefined>}
 */
async function placeOf(search) {
  await dropOld(Date.now()).catch(() => {});
  const id = search.get('id');
  const problem = search.get('problem');
  if (problem) return { screen: 'share', problem };
  if (!isShared(id)) return undefined;
  const shared = await readShared(id);
  const installed = !matchMedia('(display-mode: browser)').matches;
  if (!shared || shared.from === 'own' || installed) return { screen: 'share', shared: id, text: shared?.text };
  await dropShared(id);
  return undefined;
}

/**
 * Does something with the files of a share, once: then they are dropped, if it returns true. Returns 'done', 'not' when
 * it returned false, or 'gone' when they were taken before.
 * @param {string} id @param {(files: import('./files.js').ChosenFile[]) => Promise<boolean> | boolean} use
 */
const once = (id, use) =>
  navigator.locks.request(`pairlink-shared-${id}`, async () => {
    const shared = await readShared(id);
    if (!shared) return 'gone';
    const files = await filesOf(id, shared);
    if (!(await use(files.map((file) => ({ file, path: file.name }))))) return 'not';
    await dropShared(id).catch(() => {}); // it is on its way, whatever is left here
    return 'done';
  });

/**
 * Offers the files to a contact. The text goes to the composer, and is not sent yet.
 * @param {string} contact @param {string | undefined} id @param {string} text
 */
export async function shareWith(contact, id, text) {
  const result = id ? await once(id, (files) => sendFiles(contact, files)) : 'done';
  if (result === 'done') addToDraft(contact, text);
  return result;
}

/** Lets files and text wait for the person who pairs next. @param {string | undefined} id @param {string} text */
export async function shareLater(id, text) {
  const result = id ? await once(id, (files) => (wait(files), true)) : 'done';
  if (result === 'done') addToDraft(NEXT, text);
  return result;
}
