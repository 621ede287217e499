/** One answer to all files that a contact offers, once there are several. */
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { store, useStore } from '../store.js';

/** @typedef {import('../../engine/types.js').FilesProgress} FilesProgress */

/**
 * Returns the numbers of the messages with offers of a contact.
 * @param {FilesProgress} files @param {string} contact
 */
export const offersOf = (files, contact) =>
  Object.keys(files)
    .map(Number)
    .filter((n) => files[n].asking && files[n].contact === contact);

/** @param {{contact: string, name: string}} props */
export function Offers({ contact, name }) {
  const found = useStore(({ files }) => offersOf(files, contact).join(' '));
  const list = found.split(' ').filter(Boolean).map(Number);
  if (list.length < 2) return null;
  const { files } = store.get();
  const cards = list.map((n) => files[n]);
  /** @param {(card: import('../../engine/types.js').FileProgress) => number} of */
  const sum = (of) => cards.reduce((all, card) => all + of(card), 0);
  const folders = sum(({ folder }) => Number(folder));
  const several = sum(({ folder, count }) => (folder ? 0 : count));
  const bytes = sum(({ size }) => size ?? 0);
  return (
    <div class="offers" data-then=".composer textarea">
      <p>{s.files.offers(name, folders, several, bytes)}</p>
      <button
        type="button"
        class="button button-small button-main"
        onClick={() => call('acceptFiles', { contact, list })}
      >
        {s.files.acceptAll}
      </button>
    </div>
  );
}
