/** The present time, for displays that change with it. */
import { useEffect, useState } from 'preact/hooks';

/** Returns the time, and renders the component again every `intervalMs`. @param {number} intervalMs */
export function useNow(intervalMs) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now;
}
