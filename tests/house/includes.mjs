/** Compares what the sources include and import with the table of rooms. Each check returns a list of problems. */
import { basename } from 'node:path';
import { functionsOf } from './names.mjs';
import { IMPURE_CALLS, IMPURE_NAMES, PURE_HEADERS, ROOMS } from './rooms.mjs';
import { code, includesOf, moduleOf, productFiles, roomOf } from './sources.mjs';

/** The library that a header or package belongs to: `openssl/ssl.h` is of openssl, `preact/hooks` of preact. */
const libraryOf = (name) =>
  name
    .replace(/^node:/, '')
    .replace(/\.h$/, '')
    .split('/')[0];

/** Headers of the system, which a shell may include: every other `<…>` is of a library that the table must name. */
const LIBRARIES = /^(libwebsockets|uv|openssl|sodium|sqlite3|jansson|qrencode|libpq|nats|cmocka|cap-ng|zlib)\b/;

/** @typedef {{room: string, path: string, line: number, target?: string, library?: string, to?: string}} Edge */

/** @type {WeakMap<object, Edge[]>} the edges of each tree, between the rooms of one table */
const known = new WeakMap();

/** Every include and import of a tree. @returns {Edge[]} */
export function edgesOf(tree, rooms = ROOMS) {
  if (rooms !== ROOMS) return findEdges(tree, rooms);
  if (!known.has(tree)) known.set(tree, findEdges(tree, rooms));
  return known.get(tree);
}

function findEdges(tree, rooms) {
  return productFiles(tree).flatMap((path) =>
    path.startsWith('schema/')
      ? []
      : includesOf(path, tree).map((include) => ({
          room: roomOf(path, rooms),
          path,
          ...include,
          to: include.target && roomOf(include.target, rooms),
        })),
  );
}

/** Every file has a room, and every include is permitted. */
export function checkIncludes(tree, rooms = ROOMS) {
  const problems = productFiles(tree)
    .filter((path) => !roomOf(path, rooms))
    .map((path) => `${path}: no room of tests/house/rooms.mjs has this file`);
  for (const { room, path, line, target, library, to } of edgesOf(tree, rooms)) {
    if (!room) continue;
    const { may = [], pure, libraries = [] } = rooms[room];
    const at = `${path}:${line}`;
    if (library) {
      const c = /\.[ch]$/.test(path);
      const named = libraries.includes(libraryOf(library));
      const free = c && (pure ? PURE_HEADERS.includes(library) : !LIBRARIES.test(library));
      if (!named && !free) problems.push(`${at}: ${room} must not include ${library}`);
    } else if (!tree.has(target)) problems.push(`${at}: ${target} does not exist`);
    else if (to !== room && !may.includes(to) && !may.includes(target))
      problems.push(`${at}: ${room} must not include ${target}`);
  }
  return problems;
}

/** Every permission is used: the table says what is, not what might be. */
export function checkUnused(tree, rooms = ROOMS) {
  const edges = edgesOf(tree, rooms);
  const problems = [];
  for (const [room, { may = [], libraries = [] }] of Object.entries(rooms)) {
    const own = edges.filter((edge) => edge.room === room);
    for (const entry of may)
      if (!own.some(({ to, target }) => entry === target || entry === to))
        problems.push(`tests/house/rooms.mjs: ${room} may include ${entry}, and does not`);
    for (const entry of libraries)
      if (!own.some(({ library }) => library && libraryOf(library) === entry))
        problems.push(`tests/house/rooms.mjs: ${room} may include the library ${entry}, and does not`);
  }
  return problems;
}

/** Where a file stands in the order of a room with layers, from 1; 0 if nowhere. */
function placesOf(layers) {
  const order = layers.flatMap(([, names]) => names.trim().split(/\s+/));
  const place = (path) => order.indexOf(basename(path)) + 1 || order.indexOf(moduleOf(path)) + 1;
  return { order, place };
}

/** Inside a room with layers a file includes only what stands before it; without, modules form no circle. */
export function checkLayers(tree, rooms = ROOMS) {
  const problems = [];
  const say = (text) => problems.push(text);
  for (const [room, { layers, circles }] of Object.entries(rooms)) {
    const inner = edgesOf(tree, rooms).filter((edge) => edge.room === room && edge.to === room);
    const files = productFiles(tree).filter((path) => roomOf(path, rooms) === room);
    if (layers) {
      const { order, place } = placesOf(layers);
      for (const path of files)
        if (!place(path)) say(`${path}: stands in no layer of ${room} in tests/house/rooms.mjs`);
      for (const name of order)
        if (!files.some((path) => [basename(path), moduleOf(path)].includes(name)))
          say(`tests/house/rooms.mjs: ${room} has no file for ${name}`);
      for (const { path, line, target } of inner)
        if (place(path) && place(target) > place(path))
          say(`${path}:${line}: stands below ${target} and must not include it`);
    } else if (!circles) {
      const circle = findCircle(inner.map(({ path, target }) => [moduleOf(path), moduleOf(target)]));
      if (circle) say(`${room}: includes in a circle: ${circle.join(' → ')}`);
    }
  }
  return problems;
}

/** Inside a room with layers a C file calls only what stands before it, whichever header declares the function. */
export function checkCalls(tree, rooms = ROOMS) {
  const problems = [];
  for (const [room, { layers }] of Object.entries(rooms)) {
    if (!layers) continue;
    const { place } = placesOf(layers);
    const files = productFiles(tree).filter((path) => path.endsWith('.c') && roomOf(path, rooms) === room);
    const home = new Map(
      files.flatMap((path) => functionsOf(tree.read(path), { callable: true }).map((name) => [name, path])),
    );
    for (const path of files)
      code(tree.read(path), { strings: true })
        .split('\n')
        .forEach((line, i) => {
          for (const [name] of line.matchAll(/(?<![\w.>])[a-z]\w*/g))
            if (place(home.get(name) ?? path) > place(path))
              problems.push(`${path}:${i + 1}: stands below ${home.get(name)} and must not use its ${name}`);
        });
  }
  return problems;
}

/** @param {[string, string][]} arrows @returns {string[] | null} the names of one circle */
export function findCircle(arrows) {
  const next = new Map();
  for (const [from, to] of arrows) if (from !== to) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set();
  const visit = (name, way) => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const to of next.get(name) ?? []) {
      const circle = visit(to, [...way, name]);
      if (circle) return circle;
    }
    done.add(name);
    return null;
  };
  for (const name of next.keys()) {
    const circle = visit(name, []);
    if (circle) return circle;
  }
  return null;
}

/** A pure room calls nothing that reads or changes the outside world. */
export function checkPure(tree, rooms = ROOMS) {
  const calls = new RegExp(`(?<![\\w.>])(${IMPURE_CALLS.join('|')})\\s*\\(`, 'g');
  const names = new RegExp(`(?<![\\w.#$])(${IMPURE_NAMES.join('|').replaceAll('.', '\\.')})(?!\\w|\\s*:)`, 'g');
  const problems = [];
  for (const path of productFiles(tree)) {
    const room = roomOf(path, rooms);
    if (!room || !rooms[room].pure) continue;
    const lines = code(tree.read(path), { strings: true }).split('\n');
    lines.forEach((line, i) => {
      for (const [, name] of line.matchAll(/\.[ch]$/.test(path) ? calls : names))
        problems.push(`${path}:${i + 1}: ${room} is pure and must not use ${name}`);
    });
  }
  return problems;
}
