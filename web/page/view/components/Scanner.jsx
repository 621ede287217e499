/** Reads a QR code with the camera, if the browser can. The camera runs only while this is shown. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { Icon } from './Icon.jsx';

export const canScan =
  globalThis.isSecureContext && 'BarcodeDetector' in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Not in TypeScript's library yet.
 * @typedef {{detect: (source: HTMLVideoElement) => Promise<{rawValue: string}[]>}} Detector
 */
const Detector = /** @type {{BarcodeDetector?: new (options: {formats: string[]}) => Detector}} */ (globalThis)
  .BarcodeDetector;
const LOOK_EVERY_MS = 150;

/** @param {{onFound: (value: string) => void, onClose: () => void}} props */
export function Scanner({ onFound, onClose }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const [state, setState] = useState(/** @type {'starting' | 'looking' | 'denied'} */ ('starting'));
  useEffect(() => {
    /** @type {MediaStream | undefined} */
    let stream;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let over = false;
    const detector = Detector && new Detector({ formats: ['qr_code'] });
    const look = async () => {
      if (!detector || !video.current) return;
      const [found] = await detector.detect(video.current).catch(() => []);
      if (over) return;
      if (found) return onFound(found.rawValue);
      timer = setTimeout(look, LOOK_EVERY_MS);
    };
    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      if (over || !video.current) return stop();
      video.current.srcObject = stream;
      await video.current.play();
      setState('looking');
      void look();
    };
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    start().catch(() => {
      if (!over) setState('denied');
    });
    return () => {
      over = true;
      clearTimeout(timer);
      stop();
    };
  }, []);
  return (
    <div
      class="scanner"
      role="group"
      aria-label={s.scan.heading}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <p role="status">{{ starting: s.scan.starting, looking: s.scan.text, denied: s.scan.denied }[state]}</p>
      <video ref={video} muted playsInline hidden={state === 'denied'} aria-hidden="true" />
      <button type="button" class="button" autofocus onClick={onClose}>
        <Icon name="close" />
        {s.close}
      </button>
    </div>
  );
}
