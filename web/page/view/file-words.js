/** What a card of a file says: its title, its icon, and its state in words. */
import { s, wordsFor } from '../strings/index.js';
import { standstillWords } from './presence.js';

/** @typedef {import('../engine/types.js').FileAbout} FileAbout */
/** @typedef {import('../engine/types.js').FileMessage} FileMessage */
/** @typedef {import('../engine/types.js').FileProgress} FileProgress */
/** @typedef {import('./components/Icon.jsx').IconName} IconName */
/** @typedef {{name: string, peer: import('./presence.js').Peer}} Person */

/** Files that were sent together, and no folder, are named by their first one. @param {FileAbout} file */
export const titleOf = ({ name, group, folder, count }) =>
  group && !folder && count > 1 ? s.files.andMore(name, count - 1) : name;

/** @type {[RegExp, IconName][]} by media type */
const TYPES = [
  [/^image\//, 'image'],
  [/^video\//, 'film'],
  [/^audio\//, 'sound'],
  [/zip|tar|compressed|7z|rar/, 'box'],
  [/^text\/|pdf|document|presentation|spreadsheet|msword|rtf|epub/, 'text'],
];

/** @param {Pick<FileAbout, 'folder' | 'group' | 'type'>} file @returns {IconName} */
export function iconOf({ folder, group, type }) {
  if (folder) return 'folder';
  if (group) return 'files';
  return TYPES.find(([fits]) => fits.test(type))?.[1] ?? 'file';
}

/**
 * Returns the present state in words; the bar has the numbers.
 * @param {FileMessage} message @param {FileProgress} live @param {Person} person
 */
export function stateWords(message, live, { name, peer }) {
  const { state, mine } = message;
  if (state === 'asking') return s.files.wants(name);
  if (state === 'saved')
    return message.failed ? s.files.partly(message.failed) : mine ? s.files.delivered : s.files.saved;
  if (state === 'removed') return s.files.removed;
  if (state === 'over') return overWords(message, name);
  if (live.missing) return s.files.missing;
  if (live.heldHere === 'full') return s.files.full;
  if (live.heldThere === 'full') return s.files.fullThere(name);
  if (live.heldHere) return s.files.paused;
  const standstill = standstillWords(peer, name);
  if (standstill) return standstill;
  if (live.heldThere) return s.files.pausedBy(name);
  if (live.checking) return s.files.checking;
  if (mine && !live.accepted) return s.files.waiting(name);
  return mine ? s.files.sending : s.files.receiving;
}

/** @param {FileMessage} message @param {string} name */
function overWords({ why, byPeer }, name) {
  const words = wordsFor(s.files.ended, why) ?? s.files.ended[2];
  return byPeer ? words.them(name) : words.me;
}

/**
 * A tick has arrived, a clock waits.
 * @param {FileMessage} message @param {FileProgress} live @returns {IconName | null}
 */
export function stateIcon({ state, mine, failed }, { accepted }) {
  if (state === 'saved') return failed ? 'warn' : 'check';
  return state === 'open' && mine && !accepted ? 'clock' : null;
}
