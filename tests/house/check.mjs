/**
 * Checks what holds the sources and documents together. It needs no build. `node tests/house/check.mjs` prints each
 * problem as FILE:LINE: text, and exits 1 when there is one.
 */
import { checkDrawing } from './drawing.mjs';
import { checkCalls, checkIncludes, checkLayers, checkPure, checkUnused } from './includes.mjs';
import { checkNames } from './names.mjs';
import { gitTree } from './sources.mjs';
import { checkErrors, checkWire } from './tables.mjs';
import { checkBanners, checkDocuments } from './text.mjs';

const checks = [
  ...[checkIncludes, checkUnused, checkLayers, checkCalls, checkPure, checkDrawing],
  ...[checkErrors, checkWire, checkNames],
  ...[checkBanners, checkDocuments],
];
const problems = checks.flatMap((check) => check(gitTree));
if (problems.length) {
  console.log(problems.join('\n'));
  process.exit(1);
}
