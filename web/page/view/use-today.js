/** The start of the present day, for displays that say "today". */
import { useEffect, useState } from 'preact/hooks';
import { dayOf } from './rows.js';

const LOOK_MS = 60_000;

/** Returns the start of the day, and renders the component again only when another day begins. */
export function useToday() {
  const [today, setToday] = useState(() => dayOf(Date.now()));
  useEffect(() => {
    // A clock may be set, and a device may sleep over midnight: looking is safer than one long timer.
    const timer = setInterval(() => setToday(dayOf(Date.now())), LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return today;
}
