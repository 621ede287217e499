/**
 * Keeps the place of a person in a list whose content changes above, below and around it. At the end it stays at the
 * end. Elsewhere the first row on the screen stays where it is, whatever is loaded before it or changes its height. The
 * last row that is loaded is not the end as long as more rows follow it.
 *
 * The place is corrected when the browser has laid the page out, and before it paints. So a message costs no extra
 * layout, however many come.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Who is no further from the end than this many pixels reads at the end. */
const END_PX = 48;

/**
 * @typedef {object} Scroll
 * @property {import('preact').RefObject<HTMLDivElement>} box what scrolls
 * @property {import('preact').RefObject<HTMLOListElement>} rows the list in it; its `.message` elements are the rows
 * @property {boolean} atEnd
 * @property {() => boolean} isAtEnd the same, at this moment
 * @property {() => void} look tells the edges again
 * @property {() => void} onScroll
 * @property {() => void} toEnd
 * @property {(row: Element, block: 'start' | 'center') => void} toRow
 * @property {() => Element | null} topRow the first row on the screen
 * @property {() => Element | null} lastRow the last row on the screen
 */

/**
 * @typedef {object} Edges
 * @property {number} top how far the first row is above the screen
 * @property {number} bottom how far the last row is below it
 * @property {number} height of the screen
 * @property {'up' | 'down' | null} went where the person scrolled last
 */

/**
 * @param {{head: unknown, more: boolean}} list head: changes when the list begins with another row; more: rows follow
 *   that are not loaded
 * @param {(edges: Edges) => void} moved called after each change
 * @returns {Scroll}
 */
export function useScroll({ head, more }, moved) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const rows = useRef(/** @type {HTMLOListElement | null} */ (null));
  const now = useRef({ moved, more });
  now.current = { moved, more };
  const [atEnd, setAtEnd] = useState(true);
  const [keeper] = useState(() => makeKeeper(box, rows, now, setAtEnd));
  const before = useRef(head);
  if (before.current !== head) keeper.note(); // the rows are still those of before, and the person may have scrolled
  before.current = head;
  useLayoutEffect(() => keeper.settle(true), [head]);
  useLayoutEffect(() => keeper.onScroll(), [more]); // what was only the last row loaded may now be the end
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(() => keeper.settle());
    for (const element of [box.current, rows.current]) if (element) watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  return { box, rows, atEnd, ...keeper };
}

/**
 * @param {import('preact').RefObject<HTMLDivElement>} boxRef
 * @param {import('preact').RefObject<HTMLOListElement>} rowsRef
 * @param {{current: {moved: (edges: Edges) => void, more: boolean}}} now
 * @param {(atEnd: boolean) => void} setAtEnd
 */
function makeKeeper(boxRef, rowsRef, now, setAtEnd) {
  const state = { atEnd: true, top: 0, went: /** @type {'up' | 'down' | null} */ (null) };
  /** The row that stays, and its distance from the top of the screen. @type {{row: Element, top: number} | null} */
  let anchor = null;

  /** @param {Element} row */
  const topOf = (row) => row.getBoundingClientRect().top - (boxRef.current?.getBoundingClientRect().top ?? 0);
  /** Returns the first row that ends below a line, by halving: rows follow one another. @param {number} y */
  const rowBelow = (y) => {
    const all = rowsRef.current?.getElementsByClassName('message');
    if (!all?.length) return null;
    let low = 0;
    let high = all.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (topOf(all[middle]) + all[middle].clientHeight > y) high = middle;
      else low = middle + 1;
    }
    return all[low];
  };
  /** @param {boolean} is */
  const end = (is) => {
    if (state.atEnd !== is) setAtEnd(is);
    state.atEnd = is;
  };
  /** Notes where the person is now. */
  const note = () => {
    const box = boxRef.current;
    if (!box) return;
    state.top = box.scrollTop;
    const row = state.atEnd ? null : rowBelow(0);
    anchor = row && { row, top: topOf(row) };
  };
  /** Says how far the edges are. */
  const tell = () => {
    const box = boxRef.current;
    if (!box) return;
    const bottom = box.scrollHeight - box.scrollTop - box.clientHeight;
    now.current.moved({ top: box.scrollTop, bottom, height: box.clientHeight, went: state.went });
  };

  /**
   * Corrects the place after the content or the screen has changed.
   * @param {boolean} [noted] the place was noted right before, so that only the browser can have scrolled since
   */
  const settle = (noted = false) => {
    const box = boxRef.current;
    if (!box) return;
    if (state.atEnd) box.scrollTop = box.scrollHeight;
    else if (anchor?.row.isConnected) {
      const scrolled = noted ? 0 : box.scrollTop - state.top;
      const shift = topOf(anchor.row) - anchor.top + scrolled;
      if (Math.abs(shift) >= 1) box.scrollTop += shift;
    }
    note();
    tell();
  };

  return {
    note,
    settle,
    isAtEnd: () => state.atEnd,
    look: tell,
    topRow: () => rowBelow(0),
    lastRow: () => rowBelow((boxRef.current?.clientHeight ?? 1) - 1),
    onScroll() {
      const box = boxRef.current;
      if (!box) return;
      const { more } = now.current;
      const near = !more && box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
      const went = box.scrollTop - state.top;
      if (Math.abs(went) > 1) state.went = went < 0 ? 'up' : 'down';
      // Rows may have been added since the last layout. Only who went up has left the end.
      if (near) end(true);
      else if (more || went < -1) end(false);
      if (!near && state.atEnd) return;
      note();
      tell();
    },
    toEnd() {
      end(true);
      settle();
    },
    /** @param {Element} row @param {'start' | 'center'} block */
    toRow(row, block) {
      const box = boxRef.current;
      if (!box) return;
      end(false);
      const room = box.clientHeight - row.clientHeight;
      box.scrollTop += topOf(row) - Math.max(0, block === 'center' ? room / 2 : Math.min(room / 4, 64));
      end(!now.current.more && box.scrollHeight - box.scrollTop - box.clientHeight < 1);
      note();
      tell();
    },
  };
}
