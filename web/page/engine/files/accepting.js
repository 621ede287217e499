/** Files of a contact that are taken without asking: those up to a size that the person has chosen. */

/** What is taken without asking fills at most this part of the room that there is. */
const ROOM_PART = 2;

/** @typedef {import('./card.js').Card} Card */

/**
 * Returns true for a card that the person need not be asked about. The room for it is not free any more then, not even
 * before the card is stored as open.
 * @param {number | undefined} most up to how many bytes the person wants no question; undefined: they want one always
 * @param {Card} card
 * @param {{room: () => Promise<number>, cards: () => Iterable<Card>}} here how many bytes can be stored, and the cards
 *   of all contacts, for which some of that room is needed
 */
export async function takesUnasked(most, card, { room, cards }) {
  const { size } = card;
  const fits = most !== undefined && size <= most;
  if (fits && size <= card.roomFor) return true; // that was found already
  card.roomFor = 0;
  if (!fits) return false;
  let free = await room();
  // From here on without a pause, or two offers of different contacts could count on the same room.
  for (const other of cards()) if (other !== card) free -= other.claim;
  const takes = card.toCome <= free / ROOM_PART;
  if (takes) card.roomFor = size;
  return takes;
}
