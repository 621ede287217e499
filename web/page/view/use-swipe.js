import { useRef } from 'preact/hooks';
import { s } from '../strings/index.js';

/** A shorter way is a tap, or a finger that was not still. */
const LEAST_PX = 48;

/**
 * Returns 1 for a swipe to the next, -1 for one to the one before, 0 for anything else. The next one comes from the end
 * of the line: from the right, or from the left where it is read from right to left.
 * @param {number} across how far the finger went to the right @param {number} down how far down @param {boolean} rtl
 * @returns {1 | 0 | -1}
 */
export function swipeOf(across, down, rtl) {
  if (Math.abs(across) < LEAST_PX || Math.abs(across) < 2 * Math.abs(down)) return 0;
  return across < 0 === rtl ? -1 : 1;
}

/**
 * Returns the handlers of what is swiped. Where the page is zoomed, or with a second finger, it is moved instead.
 * @param {(by: 1 | -1) => void} step
 */
export function useSwipe(step) {
  const start = useRef(/** @type {{x: number, y: number} | null} */ (null));
  return {
    /** @param {TouchEvent} event */
    onTouchStart({ touches }) {
      const [{ clientX: x, clientY: y }] = touches;
      start.current = touches.length === 1 && (visualViewport?.scale ?? 1) < 1.01 ? { x, y } : null;
    },
    /** @param {TouchEvent} event */
    onTouchEnd({ changedTouches: [{ clientX, clientY }] }) {
      if (!start.current) return;
      const by = swipeOf(clientX - start.current.x, clientY - start.current.y, s.direction === 'rtl');
      start.current = null;
      if (by) step(by);
    },
    onTouchCancel() {
      start.current = null;
    },
  };
}
