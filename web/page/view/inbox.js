/**
 * Collects what the engine tells this tab, and passes it on once a frame, so that a burst is rendered once. A hidden
 * tab has no frames; there it waits a little instead.
 */

const HIDDEN_MS = 100;

/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {import('../engine/types.js').ToTab} ToTab */
/** @typedef {Pick<import('./link.js').LinkHandlers, 'onState' | 'onMessages' | 'onFiles'>} Receivers */

/** @param {Receivers} receivers */
export function openInbox({ onState, onMessages, onFiles }) {
  /** @type {ToTab['state']} */
  let state;
  /** @type {ToTab['files']} */
  let files;
  /** The messages of each contact, by number: a later version replaces an earlier one. */
  /** @type {Map<string, Map<number, Message>>} */
  let messages = new Map();
  let frame = 0;
  let timer = 0;

  const flush = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    const due = { state, files, messages };
    state = files = undefined;
    messages = new Map();
    if (due.state) onState(due.state);
    for (const [contact, list] of due.messages) onMessages({ contact, list: [...list.values()] });
    if (due.files) onFiles(due.files);
  };

  return {
    /** @param {ToTab} told */
    add(told) {
      state = told.state ?? state;
      files = told.files ?? files;
      if (told.messages) {
        const { contact, list } = told.messages;
        const known = messages.get(contact) ?? new Map();
        for (const message of list) known.set(message.n, message);
        messages.set(contact, known);
      }
      if (frame) return;
      frame = requestAnimationFrame(flush);
      timer = window.setTimeout(flush, HIDDEN_MS);
    },
    /** Passes everything on at once, as before an answer, which comes after it. */
    flush() {
      if (frame) flush();
    },
  };
}
