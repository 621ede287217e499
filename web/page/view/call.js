/** The commands of the engine, for everything in the view that runs one. */

import { keepFromNow } from './persist.js';

/** @typedef {import('../engine/types.js').Command} Command */
/** @typedef {ReturnType<typeof import('./link.js').openLink>} Link */

/** What a person does, with a click or a key, that leaves something worth keeping. @type {Set<Command>} */
const WORTH_KEEPING = new Set(/** @type {Command[]} */ (['send', 'sendFiles', 'acceptFile', 'acceptFiles', 'rename']));

/** @type {Link} */
let link;

/** @param {Link} opened */
export function setLink(opened) {
  link = opened;
}

/**
 * Runs a command of the engine.
 * @template {Command} K @param {K} cmd @param {import('../engine/types.js').Arguments<K>} args
 */
export const call = (cmd, ...args) => {
  if (WORTH_KEEPING.has(cmd)) keepFromNow();
  return link.call(cmd, ...args);
};
