/** A file that Chromium shows instead of a camera: a QR code, a little turned, on a grey ground. */
import encodeQR from 'qr';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './process.js';

const [WIDTH, HEIGHT] = [1280, 720];
const GROUND = 150;
const TURN = 0.12;

/** Returns the arguments of a Chromium whose camera looks at this text. @param {string} text */
export function cameraThatSees(text) {
  const file = join(tempDir('pairlink-camera-'), 'camera.y4m');
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: 4 });
  const module = Math.floor((HEIGHT * 0.75) / rows.length);
  const light = Buffer.alloc(WIDTH * HEIGHT, GROUND);
  for (let y = 0; y < HEIGHT; y += 1)
    for (let x = 0; x < WIDTH; x += 1) {
      const [dx, dy] = [x - WIDTH / 2, y - HEIGHT / 2];
      const column = Math.floor((dx * Math.cos(TURN) + dy * Math.sin(TURN)) / module + rows.length / 2);
      const row = Math.floor((dy * Math.cos(TURN) - dx * Math.sin(TURN)) / module + rows.length / 2);
      const dark = rows[row]?.[column];
      if (dark !== undefined) light[y * WIDTH + x] = dark ? 30 : 225;
    }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, Buffer.alloc((WIDTH * HEIGHT) / 2, 128)]);
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420\n`);
  writeFileSync(file, Buffer.concat([head, frame, frame]));
  return [
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-video-capture=${file}`,
  ];
}
