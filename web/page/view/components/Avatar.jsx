/**
 * The first letter of a name, on a colour that depends on the ID. Somebody without a name gets a small pattern made
 * from the ID, so that two of them look different.
 */
import { s } from '../../strings/index.js';

const TINTS = 6;
const SIDE = 5;
/** Columns of the pattern that are drawn twice, the left half and the middle. */
const HALF = 3;

/** Returns 32 bits that depend on each character (FNV-1a). @param {string} id */
function bitsOf(id) {
  let bits = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) bits = Math.imul(bits ^ id.charCodeAt(at), 0x01000193) >>> 0;
  return bits;
}

/** @param {{id: string, name: string}} props */
export function Avatar({ id, name }) {
  const bits = bitsOf(id);
  return (
    <span class={`avatar tint-${bits % TINTS}`} aria-hidden="true">
      {name === s.friend(id.slice(-4)) ? <Pattern bits={bits >>> 8} /> : Array.from(name)[0]?.toLocaleUpperCase()}
    </span>
  );
}

/** @param {{bits: number}} props */
function Pattern({ bits }) {
  let path = '';
  for (let cell = 0; cell < SIDE * HALF; cell += 1) {
    if (!((bits >>> cell) & 1)) continue;
    const [x, y] = [cell % HALF, Math.floor(cell / HALF)];
    for (const column of new Set([x, SIDE - 1 - x])) path += `M${column} ${y}h1v1h-1z`;
  }
  return (
    <svg class="avatar-pattern" viewBox={`0 0 ${SIDE} ${SIDE}`} shape-rendering="crispEdges">
      <path d={path} />
    </svg>
  );
}
