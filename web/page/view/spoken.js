/**
 * What a screen reader says about events away from the focus. All of it goes through `say`, and one live region,
 * components/Announcer.jsx, says it. So one event is said once: what is said here has no live region of its own.
 */
import { useEffect, useRef } from 'preact/hooks';
import { s } from '../strings/index.js';
import { createStore } from './store.js';

/** @typedef {{n: number, text: string, at: number}} Line */

const LINES_MAX = 5;
/** The same words within this time are about the same event. */
const SAME_MS = 500;

export const spoken = createStore(/** @type {{lines: Line[]}} */ ({ lines: [] }));
let count = 0;

/** @param {string} text */
export function say(text) {
  const at = Date.now();
  const { lines } = spoken.get();
  if (!text || lines.some((line) => line.text === text && at - line.at < SAME_MS)) return;
  count += 1;
  spoken.set({ lines: [...lines, { n: count, text, at }].slice(-LINES_MAX) });
}

/**
 * Says how the presence of the open conversation changes, but not what it was when it opened, and not that the person
 * is there when they have just been connected with, which is said already.
 * @param {import('../engine/types.js').ShownContact} contact @param {string} name @param {string} words
 */
export function useSaidPresence({ pairedAt }, name, words) {
  const before = useRef({ words, paired: Boolean(pairedAt) });
  useEffect(() => {
    const { words: old, paired } = before.current;
    before.current = { words, paired: Boolean(pairedAt) };
    if (old !== words && paired) say(s.spoken.presence(name, words));
  }, [words, pairedAt]);
}
