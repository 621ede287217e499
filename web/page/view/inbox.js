/**
 * Collects what the engine tells this tab, and passes it on once a frame. In a burst it waits longer: nobody could read
 * what each frame would show, and drawing takes more time than storing. A hidden tab has no frames; there it waits a
 * little instead.
 */

const HIDDEN_MS = 100;
/** More messages than this at once are a burst, and the next ones wait for BURST_MS. */
const BURST = 20;
const BURST_MS = 200;

/** @typedef {import('../engine/types.js').Message} Message */
/** @typedef {import('../engine/types.js').ToTab} ToTab */
/** @typedef {Pick<import('./link.js').LinkHandlers, 'onState' | 'onMessages' | 'onFiles'>} Receivers */

/** @param {Receivers} receivers */
export function openInbox({ onState, onMessages, onFiles }) {
  /** @type {ToTab['state']} */
  let state;
  /** @type {ToTab['files']} */
  let files;
  /** The messages of each contact, by number: a later version replaces an earlier one. null: it was deleted. */
  /** @type {Map<string, Map<number, Message | null>>} */
  let messages = new Map();
  let frame = 0;
  let timer = 0;
  /** Before this time nothing is passed on. */
  let pausedTo = 0;

  const flush = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
    const due = { state, files, messages };
    state = files = undefined;
    messages = new Map();
    const count = [...due.messages.values()].reduce((sum, known) => sum + known.size, 0);
    if (count > BURST) pausedTo = performance.now() + BURST_MS; // an answer in between does not end a pause
    if (due.state) onState(due.state);
    for (const [contact, known] of due.messages) {
      const gone = [...known.keys()].filter((n) => known.get(n) === null);
      onMessages({ contact, list: [...known.values()].filter((message) => message !== null), gone });
    }
    if (due.files) onFiles(due.files);
  };

  return {
    /** @param {ToTab} told */
    add(told) {
      state = told.state ?? state;
      files = told.files ?? files;
      if (told.messages) {
        const { contact, list, gone = [] } = told.messages;
        const known = messages.get(contact) ?? new Map();
        for (const message of list) known.set(message.n, message);
        for (const n of gone) known.set(n, null);
        messages.set(contact, known);
      }
      if (timer) return;
      const pause = pausedTo - performance.now();
      if (pause <= 0) frame = requestAnimationFrame(flush);
      timer = window.setTimeout(flush, pause > 0 ? pause : HIDDEN_MS);
    },
    /** Passes everything on at once, as before an answer, which comes after it. */
    flush() {
      if (timer) flush();
    },
  };
}
