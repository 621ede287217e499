/**
 * Runs the C tests of a build folder and counts them one by one (ctest would count programs).
 *   node tests/support/run_c_tests.mjs BUILD-FOLDER COUNTS-FILE
 * Each program that ctest knows is started, as many at once as there are processors; cmocka speaks TAP.
 * COUNTS-FILE gets "passed failed skipped".
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const [build, countsFile] = process.argv.slice(2);
const known = JSON.parse(
  execFileSync('ctest', ['--test-dir', build, '--show-only=json-v1'], { encoding: 'utf8', maxBuffer: 1 << 26 }),
).tests;
const property = (test, name, otherwise) => test.properties.find((p) => p.name === name)?.value ?? otherwise;

/** ThreadSanitizer of LLVM 14 does not start where the kernel shuffles addresses widely: run it without, where that
 *  is allowed. */
const steady = ['setarch', '-R'];
const wrap = build.includes('tsan') && spawnSync(steady[0], [...steady.slice(1), 'true']).status === 0 ? steady : [];

const env = {
  ...process.env,
  CMOCKA_MESSAGE_OUTPUT: 'TAP',
  ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1',
};

function runOne(test) {
  return new Promise((done) => {
    const command = [...wrap, ...test.command];
    const extra = Object.fromEntries(
      property(test, 'ENVIRONMENT', []).map((row) => [row.slice(0, row.indexOf('=')), row.slice(row.indexOf('=') + 1)]),
    );
    const child = spawn(command[0], command.slice(1), {
      cwd: property(test, 'WORKING_DIRECTORY', build),
      env: { ...env, ...extra },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    const limit = setTimeout(
      () => {
        text += '\nkilled: it ran for too long\n';
        child.kill('SIGKILL');
      },
      property(test, 'TIMEOUT', 300) * 1000,
    );
    child.on('error', (error) => (text += error.message));
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      done({ name: test.name, code, signal, text });
    });
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
function judge({ name, code, signal, text }) {
  const lines = text.split('\n');
  // cmocka 1.1 writes "not ok 1 # SKIP name" for a test that skips.
  const skipped = lines.filter((line) => /^(not )?ok\b.*# SKIP/i.test(line)).length;
  const bad = lines.filter((line) => /^not ok\b/.test(line) && !/# SKIP/i.test(line)).length;
  const good = lines.filter((line) => /^ok\b/.test(line) && !/# SKIP/i.test(line)).length;
  const tap = bad + skipped + good > 0;
  const ok = code === 0 && signal === null;
  if (tap) {
    total.passed += good;
    total.skipped += skipped;
    total.failed += bad + (!ok && bad === 0 ? 1 : 0); // it died outside of a test
  } else if (ok) total.passed += 1;
  else total.failed += 1;
  console.log(
    `${ok && bad === 0 ? 'ok     ' : 'FAILED '} ${name}: ${tap ? `${good} passed, ${bad} failed, ${skipped} skipped` : `exit ${code ?? signal}`}`,
  );
  if (!ok || bad) console.log(text);
}

const queue = known.filter((test) => test.command);
const finished = [];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let test; (test = queue.shift());) finished.push(await runOne(test));
  }),
);
// Failures last, where the reader looks.
for (const result of finished.filter((r) => r.code === 0)) judge(result);
for (const result of finished.filter((r) => r.code !== 0)) judge(result);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
writeFileSync(countsFile, `${total.passed} ${total.failed} ${total.skipped}\n`);
process.exit(total.failed || total.passed === 0 ? 1 : 0);
