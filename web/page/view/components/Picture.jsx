/**
 * The pictures of a card, small. A click opens them in full size. They have their room before they load, so that the
 * thread does not jump.
 */
import { useEffect, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { go } from '../store.js';

/** @typedef {import('../../engine/types.js').FileMessage} FileMessage */
/** @typedef {import('../../engine/types.js').PictureAbout} PictureAbout */

/** The most that a card shows at once; the others are seen in full size. */
const SHOWN = 4;
/** The height of a single picture is at most this many rem. */
const HEIGHT = 20;
/** What is longer or higher is cut off at its ends. */
const RATIO_MAX = 2.5;

/** @param {number} n @param {string} id */
export const pictureKey = (n, id) => `${n}-${id}`;

/** @param {{message: FileMessage}} props */
export function Pictures({ message: { contact, n, pictures = [] } }) {
  const shown = pictures.slice(0, SHOWN);
  if (shown.length === 0) return null;
  const hidden = pictures.length - shown.length;
  return (
    <div class={`pictures${shown.length > 1 ? ' pictures-grid' : ''}`}>
      {shown.map((picture, index) => (
        <Picture
          key={picture.id}
          contact={contact}
          n={n}
          picture={picture}
          alone={shown.length === 1}
          hidden={index === SHOWN - 1 ? hidden : 0}
        />
      ))}
    </div>
  );
}

/** @param {{contact: string, n: number, picture: PictureAbout, alone: boolean, hidden: number}} props */
function Picture({ contact, n, picture: { id, name, width, height }, alone, hidden }) {
  const url = useThumb(contact, n, id);
  const ratio = Math.min(RATIO_MAX, Math.max(1 / RATIO_MAX, width / height));
  const room = alone && {
    inlineSize: `max(2.75rem, min(100%, ${width}px, ${HEIGHT * ratio}rem))`,
    aspectRatio: String(ratio),
  };
  return (
    <button
      type="button"
      class="picture"
      style={room || undefined}
      data-picture={pictureKey(n, id)}
      aria-label={s.picture.open(name)}
      title={s.picture.open(name)}
      onClick={() => go({ screen: 'thread', contact, picture: { n, id } })}
    >
      {url && <img src={url} alt={name} />}
      {hidden > 0 && <span class="picture-more">+{s.number(hidden)}</span>}
    </button>
  );
}

/**
 * Returns the address of a thumbnail once it is loaded.
 * @param {string} contact @param {number} n @param {string} id
 */
function useThumb(contact, n, id) {
  const [url, setUrl] = useState(/** @type {string | null} */ (null));
  useEffect(() => {
    /** @type {string | undefined} */
    let made;
    let over = false;
    void call('thumb', { contact, n, id }).then((blob) => {
      if (!blob || over) return;
      made = URL.createObjectURL(blob);
      setUrl(made);
    });
    return () => {
      over = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [contact, n, id]);
  return url;
}
