/** A picture that was sent, or received completely: shown in the thread; a click opens it in full size. */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';

const TYPES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);
const SIZE_MAX = 50_000_000;

/** @param {import('../../engine/types.js').FileAbout} file */
export const isPicture = ({ type, size }) => TYPES.has(type) && size <= SIZE_MAX;

/** @param {{message: import('../../engine/types.js').FileMessage}} props */
export function Picture({ message: { n, file, state } }) {
  const [url, setUrl] = useState(/** @type {string | null} */ (null));
  const whole = state === 'saved';
  useEffect(() => {
    if (!whole) return undefined;
    /** @type {string | undefined} */
    let made;
    let gone = false;
    void call('fileBlob', { n }).then((found) => {
      if (!found || gone) return;
      made = URL.createObjectURL(found.blob);
      setUrl(made);
    });
    return () => {
      gone = true;
      setUrl(null);
      if (made) URL.revokeObjectURL(made);
    };
  }, [n, whole]);
  if (!url) return null;
  return (
    <a class="picture" href={url} target="_blank" rel="noopener" title={s.files.open}>
      <img src={url} alt={s.files.pictureOf(file.name)} onError={() => setUrl(null)} />
    </a>
  );
}
