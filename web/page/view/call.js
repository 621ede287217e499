/** The commands of the engine, for everything in the view that runs one. */

/** @typedef {import('../engine/types.js').Command} Command */
/** @typedef {ReturnType<typeof import('./link.js').openLink>} Link */

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
export const call = (cmd, ...args) => link.call(cmd, ...args);
