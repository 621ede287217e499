/** How figures are written in documents and in the terminal. */

export const number = (v, digits = 3) => {
  if (v === null || v === undefined || Number.isNaN(v)) return '–';
  if (Math.abs(v) >= 1000) return Math.round(v).toLocaleString('en');
  return String(Number(v.toPrecision(digits)));
};
export const ratio = (v) => (v ? `${v.toFixed(v < 10 ? 2 : 0)}×` : '–');
export const percent = (v) => (v === null || v === undefined ? '–' : `±${Math.round(v * 100)}%`);

export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i ? '---:' : '---'))), ...rows.map(line)].join('\n');
}
