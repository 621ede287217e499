import { s } from '../../strings/index.js';

/** How far a transfer is. @param {{live: import('../../engine/types.js').FileProgress, name: string}} props */
export function FileBar({ live: { size, stored, rate, left, still }, name }) {
  const share = size ? Math.min(1, stored / size) : 0;
  const percent = Math.floor(share * 100);
  const numbers = [size === null ? s.files.size(stored) : s.files.progress(stored, size)];
  if (rate) numbers.push(s.files.rate(rate));
  if (rate && left !== null) numbers.push(s.files.left(left));
  if (still !== null) numbers.push(s.files.still(still));
  const known = size !== null && { 'aria-valuenow': percent };
  return (
    <div class="file-progress">
      <div
        class="bar-ground"
        role="progressbar"
        aria-label={s.files.progressOf(name)}
        aria-valuemin={0}
        aria-valuemax={100}
        {...known}
        aria-valuetext={numbers[0]}
      >
        <div class="bar-done" style={{ inlineSize: `${share * 100}%` }} />
      </div>
      <p class="fine file-numbers">{numbers.join(' · ')}</p>
    </div>
  );
}
