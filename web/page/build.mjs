/**
 * Builds the page into web/dist: files with hashed names and index.html, each also compressed as .br and .gz.
 *
 *   node web/page/build.mjs [--out DIR] [--client FILE]
 *
 * --client replaces web/client/index.js, for tests of the page alone. Nothing is inlined, because the relay's
 * Content-Security-Policy allows no inline code. `assets.json` lists the files that a relay has to serve.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile, readdir } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
/** The alphabet of esbuild's hashes. */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};
/** Types that are compressed already. */
const dense = new Set(['.png']);

export async function buildPage({ out = resolve(here, '../dist'), client } = {}) {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const result = await build({
    entryPoints: {
      page: join(here, 'view/main.jsx'),
      shared: join(here, 'engine/shared.js'),
      single: join(here, 'engine/single.js'),
      scan: join(here, 'view/scan-worker.js'),
      style: join(here, 'style/style.css'),
    },
    outdir: join(out, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    assetNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['chrome109', 'firefox114', 'safari16.4'],
    minify: true,
    charset: 'utf8',
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    logLevel: 'warning',
    plugins: client ? [standIn(resolve(client))] : [],
  });

  const names = {};
  for (const [file, { entryPoint }] of Object.entries(result.metafile.outputs)) {
    if (entryPoint) names[relative(here, resolve(entryPoint))] = `/assets/${basename(file)}`;
  }
  const [icon, icon192, icon512, maskable] = await Promise.all(
    ['pairlink.svg', 'icon-192.png', 'icon-512.png', 'maskable-512.png'].map((name) =>
      writeHashed(out, join(here, 'icons', name)),
    ),
  );
  const values = {
    icon,
    icon192,
    icon512,
    maskable,
    style: names['style/style.css'],
    script: names['view/main.jsx'],
    shared: names['engine/shared.js'],
    single: names['engine/single.js'],
    scan: names['view/scan-worker.js'],
  };
  for (const name of ['index.html', 'manifest.webmanifest']) await fill(join(here, name), join(out, name), values);
  await buildServiceWorker(out, await list(out), loadedLater(result.metafile.outputs));

  const assets = await list(out);
  await writeFile(join(out, 'assets.json'), `${JSON.stringify(assets, null, 1)}\n`);
  await Promise.all(
    assets.filter(({ path }) => !dense.has(extname(path))).map(({ path }) => compress(join(out, path))),
  );
  return { out, assets };
}

async function fill(from, to, values) {
  const text = await readFile(from, 'utf8');
  await writeFile(
    to,
    text.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]),
  );
}

/**
 * Returns the files that a visit does not load by itself: what the page imports when it is used, other languages among
 * them, and the reader of QR codes. The files of the engine are never among them.
 */
function loadedLater(outputs) {
  const entry = (name) => Object.keys(outputs).find((file) => outputs[file].entryPoint?.endsWith(name));
  const imports = (file, kind) => outputs[file].imports.filter((one) => one.kind === kind).map(({ path }) => path);
  const needed = new Set();
  const add = (file, dynamic) => {
    if (needed.has(file)) return;
    needed.add(file);
    for (const path of imports(file, 'import-statement')) add(path, dynamic);
    if (dynamic) for (const path of imports(file, 'dynamic-import')) add(path, dynamic);
  };
  add(entry('engine/shared.js'), true);
  add(entry('engine/single.js'), true);
  add(entry('view/main.jsx'), false);
  return new Set(
    Object.keys(outputs)
      .filter((file) => file.endsWith('.js') && !needed.has(file))
      .map((file) => `assets/${basename(file)}`),
  );
}

/**
 * Builds the service worker with the list of files that it keeps at once, and of those that it keeps later. PNG icons
 * are in neither, as only installing needs them. The service worker's own bytes change whenever a file does.
 */
async function buildServiceWorker(out, assets, later) {
  const paths = (chosen) =>
    assets
      .filter(({ path }) => !path.endsWith('.png') && later.has(path) === chosen)
      .map(({ path }) => (path === 'index.html' ? '/' : `/${path}`));
  const digest = createHash('sha256');
  for (const { path } of assets) digest.update(path).update(await readFile(join(out, path)));
  await build({
    entryPoints: { sw: join(here, 'service/sw.js') },
    outdir: out,
    bundle: true,
    format: 'iife',
    target: ['chrome109', 'firefox114', 'safari16.4'],
    minify: true,
    legalComments: 'none',
    define: {
      FILES: JSON.stringify(paths(false)),
      LATER: JSON.stringify(paths(true)),
      VERSION: JSON.stringify(digest.digest('hex').slice(0, 16)),
    },
    logLevel: 'warning',
  });
}

const standIn = (file) => ({
  name: 'stand-in',
  setup: ({ onResolve }) => onResolve({ filter: /\/client\/index\.js$/ }, () => ({ path: file })),
});

async function writeHashed(out, file) {
  const data = await readFile(file);
  const digest = createHash('sha256').update(data).digest();
  const hash = Array.from(digest.subarray(0, 8), (byte) => BASE32[byte & 31]).join('');
  const name = `${basename(file, extname(file))}-${hash}${extname(file)}`;
  await writeFile(join(out, 'assets', name), data);
  return `/assets/${name}`;
}

/** Lists the files: path, type, and whether the name changes with the content, so that it may be cached forever. */
async function list(out) {
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
    .map((path) => ({ path, type: types[extname(path)], immutable: path.startsWith('assets/') }));
}

async function compress(file) {
  const data = await readFile(file);
  const brotli = await promisify(brotliCompress)(data, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length },
  });
  await Promise.all([
    writeFile(`${file}.br`, brotli),
    writeFile(`${file}.gz`, await promisify(gzip)(data, { level: 9 })),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string' }, client: { type: 'string' } } });
  const { out, assets } = await buildPage({ ...values, ...(values.out && { out: resolve(values.out) }) });
  console.log(`built ${assets.length} files into ${out}`);
}
