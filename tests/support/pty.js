/** A program in a terminal of its own: `stdout` is what it shows (all streams), `write` types. */
import decodeQR from 'qr/decode.js';
import { Program } from './process.js';

const SPAWN = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
/** The start of a command line whose program gets a terminal of its own. */
export const IN_TERMINAL = ['/usr/bin/python3', '-c', SPAWN];

export function startInTerminal(command, args = [], { env = {}, ...options } = {}) {
  return new Program(IN_TERMINAL[0], [...IN_TERMINAL.slice(1), command, ...args], {
    env: { TERM: 'xterm', ...env },
    ...options,
  });
}

/** Returns the text of a QR code that is drawn in half blocks, black on white. */
export function readQr(text) {
  const rows = [...text.matchAll(/\u001b\[30;107m([ ▀▄█]+)\u001b\[0m/g)].flatMap(([, line]) => {
    const cells = [...line].map((c) => ' ▀▄█'.indexOf(c));
    return [cells.map((n) => n & 1), cells.map((n) => n >> 1)];
  });
  return decode(rows);
}

/** The decoder is made for photographs and misses some drawn codes; it finds them turned or enlarged. */
function decode(rows) {
  let problem;
  for (const scale of [4, 5, 7])
    for (let turns = 0; turns < 4; turns++) {
      const [width, height] = [rows[0].length * scale, rows.length * scale];
      const data = new Uint8Array(width * height * 4).fill(255);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          if (rows[Math.floor(y / scale)][Math.floor(x / scale)])
            data.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3);
      try {
        return decodeQR({ width, height, data });
      } catch (error) {
        problem = error;
        rows = rows[0].map((_, x) => rows.map((row) => row[x]).reverse());
      }
    }
  throw problem;
}

/** Returns the visible text, without colours and cursor movements. */
export const plain = (text) => text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
