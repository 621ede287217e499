/** The copy of the repository in which programs with mutants are built: build/mutate/src. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ENCODING, readSource } from './ast.mjs';
import { switchedSource } from './switched.mjs';

const COPIED =
  /^(CMakeLists\.txt$|client\/|relay\/|schema\/|tests\/(CMakeLists\.txt$|unit\/|vectors\/|sim\/|mutate\/|support\/))/;

/** Where the tests of the cores are declared, and those among them that are about the shells after all. */
const DECLARED = /\/tests\/(unit\/(?!lib\/)\w+|vectors)\/CMakeLists\.txt$/;
const SHELLS = /^test_(tls|store|folder)$/;

const PRODUCT = /^(relay|client)\/.*\.c$/;

const run = promisify(execFile);
const output = { encoding: 'utf8', maxBuffer: 1 << 28 };

/** Writes only what differs, so that only that is compiled again. */
function write(path, text) {
  if (existsSync(path) && readFileSync(path, ENCODING) === text) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, ENCODING);
}

function removeOthers(folder, wanted) {
  for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) removeOthers(path, wanted);
    else if (!wanted.has(path)) rmSync(path);
  }
}

/** The unit test programs of a build. Each has the name of its test: ctest knows no command before one is built. */
async function testPrograms(build) {
  const { stdout } = await run('ctest', ['--test-dir', build, '--show-only=json-v1'], output);
  const { tests, backtraceGraph: graph } = JSON.parse(stdout);
  const isDeclared = ({ backtrace }) => {
    for (let node = graph.nodes[backtrace]; node; node = graph.nodes[node.parent])
      if (DECLARED.test(graph.files[node.file])) return true;
    return false;
  };
  const names = tests.filter(isDeclared).map((test) => test.name);
  return [...new Set(names)].filter((name) => name.startsWith('test_') && !SHELLS.test(name));
}

/** @param {string} root @param {string} place where the copy and the builds are */
export function makeTree(root, place, { sanitize = false } = {}) {
  const src = join(place, 'src');
  const build = join(place, sanitize ? 'asan' : 'build');
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { ...output, cwd: root })
    .split('\n')
    .filter((file) => COPIED.test(file) && existsSync(join(root, file)));
  /** The repository as it is now, so that it may be changed while mutants are tried. */
  const sources = new Map(files.map((file) => [file, readSource(join(root, file))]));
  const mutated = new Map();

  /** Brings the copy up to date. `only` says which files; the others stay as they are, but exist. */
  const copy = (only = () => true) => {
    for (const [file, source] of sources)
      if (only(file) || !existsSync(join(src, file))) write(join(src, file), mutated.get(file) ?? source);
    removeOthers(src, new Set(files.map((file) => join(src, file))));
    // Published vectors lie beside the checkout.
    const [shared, link] = [resolve(root, '../shared'), join(place, 'shared')];
    if (existsSync(shared) && !existsSync(link)) symlinkSync(shared, link);
  };

  /** Makes the copy ready to be configured. Sources that may hold mutants from the last time are left for later. */
  const start = () => copy((file) => !PRODUCT.test(file));

  const configure = async () => {
    const flags = sanitize
      ? ['-DCMAKE_C_COMPILER=clang', '-DPAIRLINK_SANITIZE=address,undefined', '-DCMAKE_C_FLAGS_DEBUG=-O1 -g1']
      : ['-DCMAKE_C_FLAGS_DEBUG=-O1'];
    const always = ['-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_C_FLAGS=-w', '-DPAIRLINK_TESTS=ON', '-DPAIRLINK_MUTANTS=ON'];
    await run('cmake', ['-G', 'Ninja', '-S', src, '-B', build, ...always, ...flags], output);
  };

  /** What the compiler is told about a file, without what names its output. */
  const flagsOf = (file) => {
    const rows = JSON.parse(readFileSync(join(build, 'compile_commands.json'), 'utf8'));
    const row = rows.find((r) => r.file === join(src, file));
    if (!row) throw new Error(`${file} is not compiled`);
    const words = row.command.replaceAll('\\"', '"').split(' ');
    return words.filter((word) => /^-([DI]|std=)/.test(word)).map((word) => word.replaceAll(src, root));
  };

  /** Puts mutants into the copy; those that do not compile are returned. */
  const plant = async (file, mutants) => {
    const source = sources.get(file);
    const trial = join(place, 'trial', `${basename(file)}`);
    const includes = [`-I${join(src, dirname(file))}`, ...flagsOf(file)];
    const compiles = async (some) => {
      write(trial, switchedSource(source, some, 'tests/mutate/switch.h'));
      return run('cc', ['-fsyntax-only', '-w', ...includes, trial], output).then(
        () => true,
        () => false,
      );
    };
    const wrong = [];
    if (!(await compiles(mutants))) for (const mutant of mutants) if (!(await compiles([mutant]))) wrong.push(mutant);
    const right = mutants.filter((mutant) => !wrong.includes(mutant));
    mutated.set(file, switchedSource(source, right, 'tests/mutate/switch.h'));
    return wrong;
  };

  /** Builds, and returns the unit test programs. */
  const make = async (jobs) => {
    const names = await testPrograms(build);
    await run('cmake', ['--build', build, '-j', String(jobs), '--target', ...names, 'pl-mutate-seeds'], output).catch(
      (error) => {
        throw new Error(`the mutants could not be built:\n${error.stdout.slice(-4000)}`);
      },
    );
    return names.map((name) => ({
      name,
      group: name.startsWith('test_vectors') ? 'vectors' : 'units',
      command: [join(build, 'bin', name)],
    }));
  };

  return {
    src,
    build,
    files,
    start,
    copy,
    configure,
    flagsOf,
    plant,
    make,
    seeds: join(build, 'bin', 'pl-mutate-seeds'),
  };
}
