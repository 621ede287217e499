/**
 * A picture in full size, and from there the next ones of the thread. It is a place of the history, so going back
 * closes it. Loaded when it is first needed.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { call } from '../actions.js';
import { saveFile } from '../files.js';
import { go, goBack, useStore } from '../store.js';
import { useSwipe } from '../use-swipe.js';
import { Icon } from './Icon.jsx';
import { pictureKey } from './Picture.jsx';

/** @typedef {{n: number, id: string}} Which */
/** @typedef {{key: string, url: string | null, name: string, whole: boolean}} Shown url: null: it is not here */

/** Returns the pictures of a thread that are loaded, oldest first. @param {string} contact @returns {Which[]} */
function usePictures(contact) {
  const list = useStore(({ threads }) => threads[contact]?.list);
  return useMemo(
    () =>
      (list ?? []).flatMap((message) =>
        message.kind === 'file' ? (message.pictures ?? []).map(({ id }) => ({ n: message.n, id })) : [],
      ),
    [list],
  );
}

/** @param {Which} which */
function usePicture({ n, id }) {
  const [shown, setShown] = useState(/** @type {Shown | null} */ (null));
  useEffect(() => {
    /** @type {string | null} */
    let url = null;
    let over = false;
    void call('picture', { n, id }).then((found) => {
      if (over) return;
      url = found && URL.createObjectURL(found.blob);
      setShown({ key: pictureKey(n, id), url, name: found?.name ?? '', whole: found?.whole ?? false });
    });
    return () => {
      over = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [n, id]);
  return shown?.key === pictureKey(n, id) ? shown : null;
}

/** @param {{contact: string, picture: Which}} props */
export function Viewer({ contact, picture }) {
  const { n, id } = picture;
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const last = useRef(picture);
  last.current = picture;
  const all = usePictures(contact);
  const shown = usePicture(picture);
  const at = all.findIndex((one) => one.n === n && one.id === id);
  // Of a thread that is loaded in part, nobody knows which picture of how many it is.
  const counts = useStore(({ threads }) => threads[contact]?.older === false && !threads[contact]?.newer);

  const leaving = useRef(false);
  const leave = () => {
    if (!leaving.current) goBack();
    leaving.current = true;
  };
  useLayoutEffect(() => {
    const element = /** @type {HTMLDialogElement} */ (dialog.current);
    element.showModal();
    return () => {
      leaving.current = true;
      element.close(); // gives the focus back
      const key = pictureKey(last.current.n, last.current.id);
      const opener = document.querySelector(`[data-picture="${key}"]`);
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);

  /** @param {1 | -1} by */
  const step = (by) => {
    const next = at < 0 ? undefined : all[at + by];
    if (next) go({ screen: 'thread', contact, picture: next }, { replace: true });
  };
  const swipe = useSwipe(step);
  /** @param {KeyboardEvent} event */
  const onKeyDown = ({ key, altKey, ctrlKey, metaKey }) => {
    if (altKey || ctrlKey || metaKey) return;
    const forward = s.direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    if (key === 'ArrowLeft' || key === 'ArrowRight') step(key === forward ? 1 : -1);
  };
  /** @param {Event} event */
  const onCancel = (event) => {
    event.preventDefault();
    leave();
  };
  return (
    <dialog
      class="viewer"
      ref={dialog}
      aria-labelledby="viewer-name"
      onCancel={onCancel}
      onClose={leave}
      onKeyDown={onKeyDown}
    >
      <header class="bar viewer-head">
        <div class="viewer-name" role="status">
          <h2 id="viewer-name" dir="auto">
            {shown?.name ?? ''}
          </h2>
        </div>
        {shown?.whole && (
          <button
            type="button"
            class="button button-icon"
            aria-label={s.files.saveOf(shown.name)}
            title={s.files.saveOf(shown.name)}
            onClick={() => saveFile(n, id)}
          >
            <Icon name="save" />
          </button>
        )}
        <button type="button" class="button button-icon" autofocus aria-label={s.close} title={s.close} onClick={leave}>
          <Icon name="close" />
        </button>
      </header>
      <div class="viewer-stage" {...swipe}>
        {shown?.url && <img src={shown.url} alt={shown.name} />}
        {shown && !shown.url && <p>{s.picture.gone}</p>}
      </div>
      <footer class="viewer-foot">
        {all.length > 1 && <Step icon="back" label={s.picture.previous} can={at > 0} act={() => step(-1)} />}
        <p class="fine">
          {counts && at >= 0 && all.length > 1 && <span>{s.picture.place(at + 1, all.length)}</span>}
          {shown?.url && !shown.whole && <span>{s.picture.small}</span>}
        </p>
        {all.length > 1 && (
          <Step icon="next" label={s.picture.next} can={at >= 0 && at < all.length - 1} act={() => step(1)} />
        )}
      </footer>
    </dialog>
  );
}

/**
 * At the ends it keeps the focus, so that the keys still work.
 * @param {{icon: 'back' | 'next', label: string, can: boolean, act: () => void}} props
 */
const Step = ({ icon, label, can, act }) => (
  <button type="button" class="button button-icon" aria-label={label} title={label} aria-disabled={!can} onClick={act}>
    <Icon name={icon} />
  </button>
);
