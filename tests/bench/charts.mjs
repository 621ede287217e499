/** Charts as hand-written SVG. They are readable on light and dark pages, and their text is text. */

const STYLE = `
  svg { --text: #1f2430; --soft: #667085; --grid: #e4e7ec; --page: #ffffff; }
  @media (prefers-color-scheme: dark) { svg { --text: #e6e9ef; --soft: #9aa4b5; --grid: #303846; --page: #14181f; } }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: var(--text); }
  .title { font-size: 16px; font-weight: 600; } .soft { fill: var(--soft); font-size: 12px; } .strong { font-weight: 600; }
  .grid { stroke: var(--grid); } .page { fill: var(--page); } .end { text-anchor: end; } .mid { text-anchor: middle; }
`;
/* One colour for each server; they differ in grey, too, and on both backgrounds. */
const COLOURS = {
  raw: '#7a869a',
  pairlink: '#1e88e5',
  'pairlink-single': '#64b5f6',
  'pairlink-tls': '#5e35b1',
  ws: '#e67e22',
  'ws-batched': '#f3b76b',
  nats: '#2e9e6b',
  socketio: '#d6455d',
};

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const f = (v) => v.toFixed(1).replace(/\.0$/, '');
const text = (x, y, s, cls = '') => `<text x="${f(x)}" y="${f(y)}"${cls ? ` class="${cls}"` : ''}>${escape(s)}</text>`;
const line = (x1, y1, x2, y2) => `<line class="grid" x1="${f(x1)}" y1="${f(y1)}" x2="${f(x2)}" y2="${f(y2)}"/>`;
const short = (v) =>
  v >= 1000 ? Math.round(v).toLocaleString('en') : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);

function page(width, height, title, about, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(title)}">
<style>${STYLE}</style><rect class="page" width="${width}" height="${height}" rx="8"/>
${text(20, 30, title, 'title')}
${text(20, 50, about, 'soft')}
${body.join('\n')}
</svg>
`;
}

/** Draws rows of bars on one scale; a row is {label, value, note, colour}. */
function bars(rows, { x, y, width, step = 22, most = Math.max(...rows.map((r) => r.value)) }) {
  const room = width - 190;
  return rows.flatMap((row, i) => {
    const top = y + i * step;
    const w = Math.max(1.5, (row.value / most) * room);
    return [
      text(x - 10, top + 13, row.label, `end${row.strong ? ' strong' : ''}`),
      `<rect x="${f(x)}" y="${f(top + 2)}" width="${f(w)}" height="${step - 7}" rx="2" fill="${row.colour}"/>`,
      text(x + w + 8, top + 13, row.note, row.strong ? 'strong' : 'soft'),
    ];
  });
}

const serverRow = (s, value, note) => ({
  label: s.server,
  value,
  note,
  colour: COLOURS[s.server] ?? '#888',
  strong: s.server === 'pairlink',
});

/** Draws a panel for each cell, each with its own scale. */
function panels(title, about, summary, figure, note) {
  const cells = [...new Set(summary.filter((s) => s.server === 'raw').map((s) => s.cell))];
  const body = [];
  let y = 78;
  for (const cell of cells) {
    const rows = summary.filter((s) => s.cell === cell && s[figure] !== null).sort((a, b) => a[figure] - b[figure]);
    body.push(text(20, y, cell, 'strong'));
    body.push(
      ...bars(
        rows.map((s) => serverRow(s, s[figure], note(s))),
        { x: 150, y: y + 10, width: 690 },
      ),
    );
    y += 10 + rows.length * 22 + 28;
  }
  return page(860, y - 10, title, about, body);
}

const cpuChart = (summary) =>
  panels(
    'Server CPU for one envelope',
    'µs of one core, and how many times the raw TCP forwarder in the same run; ' +
      'pairs × envelopes under way, payload; less is better',
    summary,
    'cpu_us',
    (s) => `${short(s.cpu_us)} µs${s.cpu_us_ratio ? ` · ${s.cpu_us_ratio.toFixed(s.cpu_us_ratio < 10 ? 2 : 0)}×` : ''}`,
  );

const throughputChart = (summary) =>
  panels(
    'Envelopes a second through one core',
    'pairs × envelopes under way, payload; * the generator was the limit; more is better',
    summary,
    'envelopes_per_s',
    (s) => `${short(s.envelopes_per_s)}${s.generator_limited ? ' *' : ''}`,
  );

/** Draws p50 as a dot with a line to p99, on a logarithmic time axis. */
function latencyChart(summary) {
  const cells = [...new Set(summary.filter((s) => s.server === 'raw').map((s) => s.cell))];
  const shown = summary.filter((s) => cells.includes(s.cell) && s.p50_us);
  const low = 10 ** Math.floor(Math.log10(Math.min(...shown.map((s) => s.p50_us))));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...shown.map((s) => s.p99_us))));
  const left = 150;
  const right = 700;
  const at = (v) => left + (Math.log10(v / low) / Math.log10(high / low)) * (right - left);
  const body = [];
  let y = 78;
  const lines = [];
  for (const cell of cells) {
    body.push(text(20, y, cell, 'strong'));
    y += 10;
    for (const s of shown.filter((e) => e.cell === cell).sort((a, b) => a.p50_us - b.p50_us)) {
      const colour = COLOURS[s.server] ?? '#888';
      body.push(text(left - 10, y + 13, s.server, `end${s.server === 'pairlink' ? ' strong' : ''}`));
      body.push(
        `<line x1="${f(at(s.p50_us))}" y1="${y + 9}" x2="${f(at(s.p99_us))}" y2="${y + 9}" stroke="${colour}" stroke-width="3" stroke-opacity=".5"/>`,
      );
      body.push(
        `<circle cx="${f(at(s.p50_us))}" cy="${y + 9}" r="5" fill="${colour}"/><rect x="${f(at(s.p99_us) - 1.5)}" y="${y + 3}" width="3" height="12" fill="${colour}"/>`,
      );
      body.push(text(right + 15, y + 13, `${short(s.p50_us)} · ${short(s.p99_us)} µs`, 'soft'));
      y += 20;
    }
    y += 26;
  }
  for (let v = low; v <= high; v *= 10) {
    lines.push(line(at(v), 62, at(v), y - 20));
    lines.push(text(at(v), y - 4, v >= 1000 ? `${v / 1000} ms` : `${v} µs`, 'soft mid'));
  }
  return page(
    860,
    y + 12,
    'Time of a round: there and back through the server',
    'dot: p50, mark: p99; the closed loop keeps the server busy, so this is waiting as much as work; less is better',
    [...lines, ...body],
  );
}

function memoryChart(memory) {
  const rows = Object.entries(memory)
    .filter(([, m]) => m.kb_per_socket !== null)
    .sort((a, b) => a[1].kb_per_socket - b[1].kb_per_socket)
    .map(([server, m]) => serverRow({ server }, m.kb_per_socket, `${short(m.kb_per_socket)} KB`));
  return page(
    860,
    90 + rows.length * 22,
    'Memory of one idle socket',
    "growth of the server's resident memory for each socket that logged in and stays silent; " +
      "the kernel's part is not in it; less is better",
    bars(rows, { x: 150, y: 68, width: 690 }),
  );
}

/** Draws the computed logins at one relay after a region was lost. */
export function capacityChart(curves, { extra, capacity }) {
  const [left, right, top, bottom] = [80, 820, 90, 330];
  const end = curves[0].points.at(-1).at;
  const most = Math.max(capacity, ...curves.flatMap((c) => c.points.map((p) => p.tries)));
  const x = (t) => left + (t / end) * (right - left);
  const y = (v) => bottom - (v / most) * (bottom - top);
  const body = [];
  for (let i = 0; i <= 4; i++) {
    const v = (most * i) / 4;
    body.push(line(left, y(v), right, y(v)), text(left - 8, y(v) + 4, short(v), 'soft end'));
  }
  for (let t = 0; t <= end; t += 5) body.push(text(x(t), bottom + 20, `${t} s`, 'soft mid'));
  body.push(
    `<line x1="${left}" x2="${right}" y1="${f(y(capacity))}" y2="${f(y(capacity))}" stroke="#2e9e6b" stroke-dasharray="6 4"/>`,
  );
  body.push(text(right, y(capacity) - 6, 'what 8 cores can log in over TLS', 'soft end'));
  curves.forEach(({ name, colour, points }, i) => {
    body.push(
      `<polyline fill="none" stroke="${colour}" stroke-width="2.5" points="${points.map((p) => `${f(x(p.at))},${f(y(p.tries))}`).join(' ')}"/>`,
    );
    body.push(
      `<rect x="${left + 20 + i * 280}" y="66" width="14" height="4" fill="${colour}"/>`,
      text(left + 40 + i * 280, 73, name, 'soft'),
    );
  });
  return page(
    860,
    370,
    'A region is lost: logins a second that each other relay is asked for',
    `on paper: ${short(extra)} new users at each relay; a login that is not served comes again`,
    body,
  );
}

/** Returns all charts of a result by file name. Charts without data are left out. */
export function drawAll({ summary, memory }) {
  const charts = {};
  const compared = summary.filter((s) => summary.some((r) => r.cell === s.cell && r.server === 'raw'));
  if (compared.length) {
    charts['cpu.svg'] = cpuChart(compared);
    charts['throughput.svg'] = throughputChart(compared);
    charts['latency.svg'] = latencyChart(compared);
  }
  if (Object.keys(memory).length) charts['memory.svg'] = memoryChart(memory);
  return charts;
}
