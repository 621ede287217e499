/** Whether the screen is too narrow for list and conversation together. style/frame.css has the same width. */
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
