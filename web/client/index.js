/**
 * Pairlink for browsers and Node: pairs two programs by ID through a relay that cannot read what they say.
 * See README.md for a first program.
 */
import { checkSize, checkText } from './core/check.js';
import { formatId, identityFromSeed, parseId as parseIdBytes } from './core/identity.js';
import { phraseOf } from './core/phrase.js';
import { loadSodium } from './core/sodium.js';

const SEED_BYTES = 32;

/** Resolves when the cryptography is loaded. `createClient` waits for it; the other functions do not. */
export const ready = loadSodium();
ready.catch(() => {}); // createClient rejects with the same error

/** Returns 32 secret bytes for a new identity. Store them, and tell no one. */
export const newSeed = () => globalThis.crypto.getRandomValues(new Uint8Array(SEED_BYTES));

/** Returns the ID that belongs to a seed. Throws PairlinkError EINVAL.
 * @param {import('./core/check.js').Bytes} seed
 * @returns {string} */
export const idFromSeed = (seed) => formatId(identityFromSeed(checkSize(seed, SEED_BYTES, 'a seed')).id);

/** @param {string} text */
const bytesOfId = (text) => parseIdBytes(checkText(text, 'an ID').trim());

/** Checks an ID as typed or pasted and returns it in its usual form. Throws PairlinkError EID.
 * @param {string} text
 * @returns {string} */
export const parseId = (text) => formatId(bytesOfId(text));

/** Returns twelve words that two people can compare to be sure that nobody is between them. They depend on the two IDs
 * only, not on their order. Takes some tens of milliseconds. Throws PairlinkError EID.
 * @param {string} idA @param {string} idB
 * @returns {string} */
export const safetyPhrase = (idA, idB) => phraseOf(bytesOfId(idA), bytesOfId(idB));

export { completeWord, parseCode } from './core/code.js';
export { WORDS as words } from './words.js';
export { Sha256 } from './core/hash.js';
export { Transfer } from './core/transfer/transfer.js';
export { numberedName, safeName } from './core/transfer/name.js';
export { createClient, errorText, parseInviteLink } from './client.js';
export { PairlinkError } from './core/errors.js';

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./client.js').ClientOptions} ClientOptions */
/** @typedef {import('./client.js').ClientEvents} ClientEvents */
/** @typedef {import('./code.js').Code} Code */
/** @typedef {import('./code.js').CodeEvents} CodeEvents */
/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./session.js').SessionEvents} SessionEvents */
/** @typedef {import('./core/errors.js').ErrorCode} ErrorCode */
