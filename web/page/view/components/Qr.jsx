/** A QR code as one SVG path. Always dark on white: many readers know nothing else. */
import encodeQR from 'qr';
import { useMemo } from 'preact/hooks';

const QUIET = 4;
/** Fits the narrowest phone. Whole pixels a module, or modules come out uneven. */
const SIDE_PX = 256;

export function Qr({ text, label }) {
  const { path, size } = useMemo(() => draw(text), [text]);
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

function draw(text) {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: QUIET });
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
