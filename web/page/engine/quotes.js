/** What a reply quotes: a shortened copy of the message that it answers, looked up when the reply is shown. */

/** @typedef {import('./types.js').Message} Message */

const QUOTE_MAX = 200;

/**
 * Returns a message by the id that a reply names; of either side, as the id alone does not tell.
 * @param {import('./db.js').Db} db @param {string} contact @param {string} id
 */
export const messageOf = async (db, contact, id) =>
  (await db.messageById(contact, 1, id)) ?? (await db.messageById(contact, 0, id));

/** @param {Message | undefined} message @returns {import('./types.js').Quote | null} */
const quoteOf = (message) => {
  if (!message) return null;
  const { n, mine, kind, text } = message;
  return { n, mine, kind, text: text.slice(0, QUOTE_MAX) };
};

/**
 * Returns the messages, with a quote in each that is a reply.
 * @template {Message} M @param {import('./db.js').Db} db @param {M[]} list @returns {Promise<M[]>}
 */
export function withQuotes(db, list) {
  return Promise.all(
    list.map(async (message) =>
      message.kind === 'text' && message.reply
        ? { ...message, quote: quoteOf(await messageOf(db, message.contact, message.reply)) }
        : message,
    ),
  );
}
