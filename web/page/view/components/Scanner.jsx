/** Reads a QR code with the camera, where the browser can. The camera runs only while this is shown. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { s } from '../../strings/index.js';
import { Icon } from './Icon.jsx';

export const canScan =
  globalThis.isSecureContext && 'BarcodeDetector' in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);
const LOOK_EVERY_MS = 150;

export function Scanner({ onFound, onClose }) {
  const video = useRef(null);
  const [state, setState] = useState('starting'); // starting, looking, denied
  useEffect(() => {
    let stream;
    let timer;
    let over = false;
    const detector = new globalThis.BarcodeDetector({ formats: ['qr_code'] });
    const look = async () => {
      const found = await detector.detect(video.current).catch(() => []);
      if (over) return;
      if (found.length > 0) return onFound(found[0].rawValue);
      timer = setTimeout(look, LOOK_EVERY_MS);
    };
    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      if (over) return stop();
      video.current.srcObject = stream;
      await video.current.play();
      setState('looking');
      look();
    };
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    start().catch(() => !over && setState('denied'));
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
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
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
