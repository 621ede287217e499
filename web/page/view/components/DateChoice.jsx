/** Asks for a day, and goes to its first message. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { jumpToDate } from '../threads.js';

/** Returns a day as a date field writes it, in this device's time zone. @param {number} at */
function fieldValue(at) {
  const day = new Date(at);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** @param {{contact: string, at: number, close: () => void}} props at: the day that it begins with */
export function DateChoice({ contact, at, close }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useLayoutEffect(() => {
    const before = document.activeElement;
    field.current?.focus();
    return () => {
      // The place that had the focus may have left the list with the jump.
      const place = before?.isConnected ? before : document.querySelector('.scroller');
      if (place instanceof HTMLElement) place.focus({ preventScroll: true });
    };
  }, []);
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    const chosen = field.current?.value;
    if (chosen) await jumpToDate(contact, new Date(`${chosen}T00:00`).getTime());
    close();
  };
  return (
    <form
      class="date-choice"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <label for="date-choice">{s.thread.toDate}</label>
      <input
        ref={field}
        id="date-choice"
        class="field"
        type="date"
        required
        defaultValue={fieldValue(at)}
        max={fieldValue(Date.now())}
      />
      <button type="submit" class="button button-small button-main">
        {s.thread.toDateGo}
      </button>
      <button type="button" class="button button-small" onClick={close}>
        {s.cancel}
      </button>
    </form>
  );
}
