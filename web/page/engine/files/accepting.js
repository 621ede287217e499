/** Files of a contact that are taken without asking: those up to a size that the person has chosen. */

/** What is taken without asking fills at most this part of the room that there is. */
const ROOM_PART = 2;

/**
 * Returns true for what a person need not be asked about.
 * @param {number | undefined} most what the person has chosen; undefined: always ask
 * @param {number} size in bytes, of all files that come together @param {number} room in bytes
 */
export const takesUnasked = (most, size, room) => most !== undefined && size <= most && size <= room / ROOM_PART;
