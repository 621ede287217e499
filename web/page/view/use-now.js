/** The time, again every `interval_ms`, for what counts down. */
import { useEffect, useState } from 'preact/hooks';

export function useNow(interval_ms) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), interval_ms);
    return () => clearInterval(timer);
  }, [interval_ms]);
  return now;
}
