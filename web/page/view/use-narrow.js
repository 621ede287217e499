/** Whether list and conversation take turns on the screen. The same width stands in style/frame.css. */
import { useEffect, useState } from 'preact/hooks';

const query = matchMedia('(max-width: 46rem)');

export function useNarrow() {
  const [narrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const look = () => setNarrow(query.matches);
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, []);
  return narrow;
}
