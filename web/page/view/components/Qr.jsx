/**
 * A QR code as one SVG path, always dark on white: many readers accept nothing else. What computes it is loaded when
 * the first code is shown, since most visits show none.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';

/** @typedef {typeof import('qr').default} Encode */

const QUIET = 4;
/** Fits the narrowest phone. Each module gets a whole number of pixels, so that all have the same size. */
const SIDE_PX = 256;

/** @type {Encode | undefined} */
let loaded;

/** @param {{text: string, label: string}} props */
export function Qr({ text, label }) {
  const [encode, setEncode] = useState(() => loaded);
  useEffect(() => {
    if (encode) return;
    import('qr').then(
      (qr) => setEncode(() => (loaded = qr.default)),
      () => {}, // there is no network now: the link and the code are beside it
    );
  }, []);
  const code = useMemo(() => encode && draw(encode, text), [encode, text]);
  if (!code) return <svg width={SIDE_PX} height={SIDE_PX} aria-hidden="true" />;
  const { path, size } = code;
  const side = size * Math.max(2, Math.floor(SIDE_PX / size));
  return (
    <svg
      class="qr"
      width={side}
      height={side}
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <path d={path} />
    </svg>
  );
}

/** @param {Encode} encode @param {string} text */
function draw(encode, text) {
  const rows = encode(text, 'raw', { ecc: 'medium', border: QUIET });
  let path = '';
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      if (!row[x]) continue;
      let end = x;
      while (row[end]) end += 1;
      path += `M${x} ${y}h${end - x}v1h${x - end}z`;
      x = end;
    }
  });
  return { path, size: rows.length };
}
