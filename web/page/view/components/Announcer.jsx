/** The live region for events away from the focus; see spoken.js. Each line is new, so equal words are said again. */
import { useEffect, useState } from 'preact/hooks';
import { spoken } from '../spoken.js';

const GONE_MS = 10_000;

export function Announcer() {
  const [lines, setLines] = useState(spoken.get().lines);
  useEffect(() => spoken.subscribe((value) => setLines(value.lines)), []);
  useEffect(() => {
    if (lines.length === 0) return undefined;
    const gone = setTimeout(() => spoken.set({ lines: [] }), GONE_MS);
    return () => clearTimeout(gone);
  }, [lines]);
  return (
    <div class="visually-hidden announcer" role="status" aria-live="polite" aria-atomic="false">
      {lines.map(({ n, text }) => (
        <p key={n}>{text}</p>
      ))}
    </div>
  );
}
