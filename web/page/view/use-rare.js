import { useEffect, useState } from 'preact/hooks';

/**
 * Returns what few visits need, once it is wanted and loaded.
 * @param {boolean} wanted @param {() => void} [onFail] it cannot be had now
 */
export function useRare(wanted, onFail = () => {}) {
  const [loaded, setLoaded] = useState(/** @type {typeof import('./components/rare.js') | null} */ (null));
  useEffect(() => {
    if (wanted && !loaded) import('./components/rare.js').then(setLoaded, onFail);
  }, [wanted]);
  return loaded;
}
