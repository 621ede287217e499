/**
 * Runs vitest and counts its tests.
 *   node tests/support/run_vitest.mjs [vitest's own arguments…] COUNTS-FILE
 * A test file that could not be loaded counts as one failed test. COUNTS-FILE gets "passed failed skipped".
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const args = process.argv.slice(2);
const countsFile = args.pop();
const report = `${countsFile}.json`;
rmSync(report, { force: true });
const { status } = spawnSync(
  'node_modules/.bin/vitest',
  [
    'run',
    ...args,
    '--reporter=verbose',
    '--reporter=./tests/support/again_reporter.mjs',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ],
  { stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } },
);
if (!existsSync(report)) process.exit(status || 1);
const {
  numPassedTests: passed,
  numFailedTests,
  numPendingTests,
  numTodoTests,
  testResults,
} = JSON.parse(readFileSync(report, 'utf8'));
const broken = testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
).length;
writeFileSync(countsFile, `${passed} ${numFailedTests + broken} ${numPendingTests + numTodoTests}\n`);
process.exit(status ?? 1);
