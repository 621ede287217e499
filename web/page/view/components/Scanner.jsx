/** Reads a QR code with the camera. The camera runs only while this is shown. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { openReader } from '../qr-reader.js';
import { Icon } from './Icon.jsx';

/** Browsers allow the camera to pages that came over a secure connection. */
export const canScan = globalThis.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);

const LOOK_EVERY_MS = 150;

/** @typedef {'starting' | 'looking' | 'denied' | 'none' | 'broken'} State */

/** @param {unknown} error of getUserMedia @returns {State} */
const stateOf = (error) =>
  error instanceof DOMException && ['NotFoundError', 'OverconstrainedError'].includes(error.name) ? 'none' : 'denied';

/** @param {{onFound: (value: string) => void, onClose: () => void}} props */
export function Scanner({ onFound, onClose }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const close = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const [state, setState] = useState(/** @type {State} */ ('starting'));
  useLayoutEffect(() => close.current?.focus(), []);
  useEffect(() => {
    /** @type {MediaStream | undefined} */
    let stream;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let over = false;
    const reader = openReader(() => {
      if (!over) setState('broken');
    });
    const look = async () => {
      const found = video.current && (await reader.read(video.current));
      if (over) return;
      if (found) onFound(found);
      else timer = setTimeout(look, LOOK_EVERY_MS);
    };
    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } },
      });
      if (over || !video.current) return stop();
      video.current.srcObject = stream;
      await video.current.play();
      setState('looking');
      void look();
    };
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    start().catch((error) => {
      if (!over) setState(stateOf(error));
    });
    return () => {
      over = true;
      clearTimeout(timer);
      reader.close();
      stop();
    };
  }, []);
  const seen = state === 'starting' || state === 'looking';
  return (
    <div
      class="scanner"
      role="group"
      aria-label={s.scan.heading}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <p role="status">{s.scan[state]}</p>
      <video ref={video} muted playsInline hidden={!seen} aria-hidden="true" />
      <button type="button" ref={close} class="button" onClick={onClose}>
        <Icon name="close" />
        {s.close}
      </button>
    </div>
  );
}
