/** Reads the QR code in one picture after the other. A worker of its own, so that the page stays fluid. */
import decode from 'qr/decode.js';

addEventListener('message', ({ data: { width, height, data } }) => {
  let found;
  try {
    found = decode({ width, height, data });
  } catch {
    // there is no code in this picture, or it cannot be read
  }
  postMessage(found);
});
