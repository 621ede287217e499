/**
 * Reads QR codes in the picture of a camera: with the browser's own detector, or in a worker where the browser has
 * none. The worker is loaded when it is needed first, and gets one small picture at a time.
 *
 *   const reader = openReader(onBroken);
 *   const text = await reader.read(video); // undefined: no code in this picture
 *   reader.close();
 */
import { scriptUrl } from './link.js';

/** The longer side of a picture: enough for the invitations of this page, and read in some 50 ms. */
const SIDE_PX = 640;

/**
 * Not in TypeScript's library yet.
 * @typedef {{detect: (source: HTMLVideoElement) => Promise<{rawValue: string}[]>}} Detector
 * @typedef {(new (options: {formats: string[]}) => Detector) & {getSupportedFormats?: () => Promise<string[]>}}
 *   DetectorClass
 */

/** @type {HTMLCanvasElement | undefined} */
let canvas;

/** @param {() => void} onBroken the worker cannot be loaded */
export function openReader(onBroken) {
  let over = false;
  let turn = 0;
  /** @type {Promise<Detector | null> | undefined} */
  let detector;
  /** @type {ReturnType<typeof openWorker> | undefined} */
  let worker;

  /** @param {HTMLVideoElement} video @returns {Promise<string | undefined>} */
  const read = async (video) => {
    detector ??= openDetector();
    const own = await detector;
    if (over || video.videoWidth === 0) return undefined;
    if (own) {
      try {
        return (await own.detect(video))[0]?.rawValue;
      } catch {
        detector = Promise.resolve(null); // some browsers have the class, and nothing behind it
      }
    }
    worker ??= openWorker(onBroken);
    turn += 1;
    return worker.read(pictureOf(video, turn % 2 === 0));
  };
  const close = () => {
    over = true;
    worker?.close();
  };
  return { read, close };
}

/** @returns {Promise<Detector | null>} */
async function openDetector() {
  const Class = /** @type {{BarcodeDetector?: DetectorClass}} */ (globalThis).BarcodeDetector;
  try {
    const formats = (await Class?.getSupportedFormats?.()) ?? [];
    return Class && formats.includes('qr_code') ? new Class({ formats: ['qr_code'] }) : null;
  } catch {
    return null;
  }
}

/**
 * Returns the picture made small, or its middle, where a code that is far away has more pixels.
 * @param {HTMLVideoElement} video @param {boolean} middle
 */
function pictureOf(video, middle) {
  const { videoWidth, videoHeight } = video;
  const [width, height] = middle ? [videoWidth / 2, videoHeight / 2] : [videoWidth, videoHeight];
  const scale = Math.min(1, SIDE_PX / Math.max(width, height));
  canvas ??= document.createElement('canvas');
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
  const [left, top] = [(videoWidth - width) / 2, (videoHeight - height) / 2];
  context.drawImage(video, left, top, width, height, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** @param {() => void} onBroken */
function openWorker(onBroken) {
  const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[data-scan]'));
  const worker = new Worker(scriptUrl(script.dataset.scan ?? ''), { type: 'module' });
  /** @type {((found: string | undefined) => void) | undefined} */
  let answer;
  worker.addEventListener('message', ({ data }) => answer?.(data));
  worker.addEventListener('error', onBroken);
  return {
    /** @param {ImageData} picture @returns {Promise<string | undefined>} */
    read: ({ width, height, data }) =>
      new Promise((done) => {
        answer = done;
        worker.postMessage({ width, height, data }, [data.buffer]);
      }),
    close: () => worker.terminate(),
  };
}
