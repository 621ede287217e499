/**
 * What could let a program read the messages that it carries: imported ciphers and key exchanges (TLS is imported as a
 * whole, not its ciphers), and objects of our own encryption in its link map (the names of functions prove nothing
 * after -flto or strip).
 *   node tests/support/blindness.mjs PROGRAM   exits 1 and lists what it found
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const IMPORTS =
  /\bcrypto_(aead|scalarmult|box|kx|secretbox|secretstream|stream|core_ristretto255)\w*|\bEVP_(Cipher|Encrypt|Decrypt|Seal|Open|PKEY)\w*/;
const OBJECTS = /libpl_(noise|cpace|words|names|code|session|transfer|engine)\.a\(/;

/** @returns {string[]} what it links that can open a message; empty: it is blind */
export function sees(bin, program) {
  const path = join(bin, program);
  const map = `${path}.map`;
  if (!existsSync(map)) throw new Error(`${map} is missing: the link map is made by the build`);
  const imports = execFileSync('nm', ['-D', '--undefined-only', path], { encoding: 'utf8' });
  const text = readFileSync(map, 'utf8');
  // A map of another program, or of none, would prove nothing.
  if (!/libpl_wire\.a\(/.test(text)) throw new Error(`${map} does not list libpl_wire.a: it is no map of ${program}`);
  const objects = text.match(new RegExp(OBJECTS.source + '[^)]*\\)', 'g')) ?? [];
  return [
    ...new Set([
      ...imports
        .split('\n')
        .map((line) => line.match(IMPORTS)?.[0])
        .filter(Boolean),
      ...objects,
    ]),
  ].sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = process.argv[2];
  const found = sees(join(path, '..'), path.split('/').pop());
  if (found.length) {
    console.log(`${path} could read what it carries:\n${found.join('\n')}`);
    process.exit(1);
  }
}
