/** The drawing of the rooms in docs/architecture.md: its boxes are the rooms, its arrows are the includes. */
import { edgesOf } from './includes.mjs';
import { ROOMS, SHARED } from './rooms.mjs';

export const DOCUMENT = 'docs/architecture.md';
const MARK = '<!-- drawing: rooms -->';

/**
 * Reads a mermaid flowchart: boxes `name["room"]`, perhaps in `subgraph name["title"] … end`, and arrows
 * `a & b --> c & d`.
 */
export function readDrawing(text) {
  const [, body] = /```mermaid\n([^]*?)```/.exec(text.slice(text.indexOf(MARK))) ?? [];
  if (!text.includes(MARK) || body === undefined) return null;
  const boxes = new Map();
  const groups = new Map();
  const arrows = [];
  let group = null;
  for (const line of body.split('\n').map((line) => line.trim())) {
    const [, title] = /^subgraph \w+\["(.*)"\]$/.exec(line) ?? [];
    const [, from, to] = /^([\w\s&]+) --> ([\w\s&]+)$/.exec(line) ?? [];
    const [, box, room] = /^(\w+)\["(.*)"\]$/.exec(line) ?? [];
    if (title !== undefined) groups.set((group = title), []);
    else if (line === 'end') group = null;
    else if (from) for (const a of from.split('&')) for (const b of to.split('&')) arrows.push([a.trim(), b.trim()]);
    else if (room) {
      boxes.set(box, room);
      if (group) groups.get(group).push(room);
    }
  }
  return { boxes, groups, arrows };
}

/** All that can be reached from a room by arrows. */
function reach(from, arrows) {
  const seen = new Set();
  const visit = (room) => {
    for (const [a, b] of arrows)
      if (a === room && !seen.has(b)) {
        seen.add(b);
        visit(b);
      }
  };
  visit(from);
  return seen;
}

/**
 * Each drawn arrow is an include, each include is drawn or follows from drawn ones, and the shared rooms stand together.
 */
export function checkDrawing(tree, rooms = ROOMS, shared = SHARED) {
  const drawing = readDrawing(tree.read(DOCUMENT));
  if (!drawing) return [`${DOCUMENT}: no mermaid drawing after ${MARK}`];
  const say = (text) => `${DOCUMENT}: the drawing of the rooms: ${text}`;
  const problems = [];
  const drawn = [...drawing.boxes.values()];
  for (const room of Object.keys(rooms)) if (!drawn.includes(room)) problems.push(say(`${room} is missing`));
  for (const room of drawn) if (!rooms[room]) problems.push(say(`${room} is no room of tests/house/rooms.mjs`));
  const arrows = [];
  for (const [a, b] of drawing.arrows) {
    const unknown = [a, b].filter((box) => !drawing.boxes.has(box));
    if (unknown.length) problems.push(say(`an arrow names ${unknown.join(' and ')}, which is no box`));
    else arrows.push([drawing.boxes.get(a), drawing.boxes.get(b)]);
  }
  const real = edgesOf(tree, rooms).filter(({ room, to }) => room && to && room !== to);
  for (const [a, b] of arrows)
    if (!real.some(({ room, to }) => room === a && to === b)) problems.push(say(`${a} does not include ${b}`));
  const missing = real.filter(({ room, to }) => !reach(room, arrows).has(to)).map(({ room, to }) => `${room} → ${to}`);
  for (const arrow of new Set(missing)) problems.push(say(`the arrow ${arrow} is missing`));
  const together = [...drawing.groups.values()].some((group) => `${[...group].sort()}` === `${[...shared].sort()}`);
  if (!together) problems.push(say(`${shared.join(', ')} must stand in a subgraph of their own`));
  return problems;
}
