/** Writes measured figures into documents: a script replaces a block between `<!-- NAME -->` and `<!-- /NAME -->`. */
import { readFileSync, writeFileSync } from 'node:fs';

export function fillMarkers(path, blocks) {
  let text = readFileSync(path, 'utf8');
  for (const [name, block] of Object.entries(blocks)) {
    const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
    const [from, to] = [text.indexOf(open), text.indexOf(close)];
    if (from < 0 || to < from) throw new Error(`${path}: no markers ${open} … ${close}`);
    text = `${text.slice(0, from + open.length)}\n${block.trim()}\n${text.slice(to)}`;
  }
  writeFileSync(path, text);
}

export const number = (v, digits = 3) => {
  if (v === null || v === undefined || Number.isNaN(v)) return '–';
  if (Math.abs(v) >= 1000) return Math.round(v).toLocaleString('en');
  return String(Number(v.toPrecision(digits)));
};
const ratio = (v) => (v ? `${v.toFixed(v < 10 ? 2 : 0)}×` : '–');
const percent = (v) => (v === null || v === undefined ? '–' : `±${Math.round(v * 100)}%`);

export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i ? '---:' : '---'))), ...rows.map(line)].join('\n');
}

const condition = ({ date, machine, versions, rounds, seconds, left_out = [], later = {} }) =>
  [
    `Measured on ${date.slice(0, 10)} on a machine with ${machine.cores} cores and ${machine.memory_gib} GiB, load ${machine.load_before.toFixed(1)} before it began; commit ${versions.commit}; up to ${rounds} rounds of ${seconds} s, servers in turn, medians.`,
    ...Object.entries(later).map(
      ([part, at]) => `Measured again: ${part}, on ${at.date.slice(0, 10)}, commit ${at.commit}.`,
    ),
    ...left_out.map(({ part, why }) => `Left out: ${part} (${why}).`),
  ].join('\n');

const goals = (targets) =>
  markdownTable(
    ['target', 'reached', 'limit', 'met'],
    targets.map((t) => [
      t.what,
      `${number(t.reached)}${t.unit}`,
      `${t.at_least ? '≥' : '≤'} ${number(t.limit)}${t.unit}`,
      t.met ? 'yes' : '**no**',
    ]),
  );

const cellTable = (summary, cell) =>
  `**${cell}**\n\n${markdownTable(
    ['server', 'CPU µs', 'spread', 'to raw', 'envelopes/s', 'p50 µs', 'to raw', 'p99 µs', 'batched input'],
    summary
      .filter((s) => s.cell === cell)
      .map((s) => [
        s.server,
        number(s.cpu_us),
        percent(s.cpu_us_spread),
        ratio(s.cpu_us_ratio),
        `${number(s.envelopes_per_s)}${s.generator_limited ? ' \\*' : ''}`,
        number(s.p50_us),
        ratio(s.p50_us_ratio),
        number(s.p99_us),
        s.batched_input ? 'yes' : 'no',
      ]),
  )}`;

function others(r) {
  const lines = [];
  const memory = Object.entries(r.memory ?? {}).map(([name, m]) => `${name} ${number(m.kb_per_socket)}`);
  if (memory.length) lines.push(`- Memory of an idle socket, KB: ${memory.join(', ')}.`);
  if (r.storm)
    lines.push(
      `- Logins a second on one core: ${number(r.storm.logins_per_s)} plain, ${number(r.storm.tls.logins_per_s)} over TLS; ${number(r.storm.cpu_us)} and ${number(r.storm.tls.cpu_us)} µs of CPU each${r.storm.generator_limited ? ' (the generator was the limit)' : ''}.`,
    );
  if (r.idle)
    lines.push(
      `- 50 pairs beside ${number(r.idle.sockets)} idle sockets keep ${number(100 * r.idle.throughput_kept)}% of their throughput.`,
    );
  if (r.frozen)
    lines.push(
      `- Beside ${number(r.frozen.receivers)} frozen receivers: p50 ${number(r.frozen.p50_us_without)} → ${number(r.frozen.p50_us_with)} µs, p99 ${number(r.frozen.p99_us_without)} → ${number(r.frozen.p99_us_with)} µs; the relay's memory ${number(r.frozen.rss_mb_without)} → ${number(r.frozen.rss_mb_with)} MB.`,
    );
  if (r.slow)
    lines.push(
      `- Beside ${number(r.slow.receivers)} slow receivers: p50 ${number(r.slow.p50_us_without)} → ${number(r.slow.p50_us_with)} µs, p99 ${number(r.slow.p99_us_without)} → ${number(r.slow.p99_us_with)} µs; memory ${number(r.slow.rss_mb_without)} → ${number(r.slow.rss_mb_with)} MB.`,
    );
  if (r.outage)
    lines.push(
      `- ${number(r.outage.outage)} clients whose relay was killed and came back after ${number(r.outage.away_s)} s: all linked again ${number(r.outage.all_linked_s)} s after the first of them.`,
    );
  if (r.registrations)
    lines.push(
      `- Start with an empty table ${number(r.registrations.empty.start_ms)} ms, with ${number(r.registrations.rows)} rows ${number(r.registrations.full.start_ms)} ms; CPU of a login of a known ID ${number(r.registrations.empty.login_cpu_us)} and ${number(r.registrations.full.login_cpu_us)} µs, of a new one ${number(r.registrations.empty.first_login_cpu_us)} and ${number(r.registrations.full.first_login_cpu_us)} µs.`,
    );
  if (r.transfers) {
    const m = r.transfers.medians;
    lines.push(
      `- A file of ${r.transfers.bytes / 2 ** 20} MiB, whole programs, MB/s: ${Object.entries(m)
        .map(([name, v]) => `${name} ${number(v)}`)
        .join(
          ', ',
        )}: ${ratio(m.pairlink / m.scp)} scp, ${ratio(m.pairlink / m.wormhole)} magic-wormhole (median of ${r.transfers.rounds}).`,
    );
  }
  if (r.clients)
    lines.push(
      `- Round trip of 64 bytes between two clients, encrypted, through the relay: p50 ${number(r.clients.p50_us)} µs, p99 ${number(r.clients.p99_us)} µs; bare TCP through the forwarder ${number(r.clients.raw_p50_us)} µs: ${ratio(r.clients.ratio)}. One session carries ${number(r.clients.mb_per_s)} MB/s, both clients in one thread.`,
    );
  if (r.pages)
    lines.push(
      `- Page to page, each in a Chromium of its own: one session carries ${number(r.pages.mb_per_s)} MB/s in messages of 64 KiB; 64 bytes and their receipt take ${number(r.pages.round_ms)} ms.`,
    );
  if (r.visits) {
    const of = (v) =>
      `painted after ${number(v.paint_ms)} ms, usable after ${number(v.ready_ms)} ms, before the relay with its cryptography loaded after ${number(v.online_ms)} ms`;
    lines.push(
      `- First visit of the page, ${number(r.visits.full_speed.bytes / 1024)} KiB: ${of(r.visits.full_speed)}; with a processor four times slower ${of(r.visits.quarter_speed)}.`,
    );
  }
  if (r.spread?.sockets)
    lines.push(`- 1,000 connections over ${r.spread.workers} workers: ${r.spread.sockets.join(', ')}.`);
  if (r.workers?.skipped) lines.push(`- Several workers: not measured, ${r.workers.skipped}.`);
  else if (r.workers)
    lines.push(
      `- CPU for an envelope, all on one core: one worker ${number(r.workers.one_cpu_us)} µs; two workers ${number(r.workers.two_cpu_us)} µs, with about half of the pairs across, so a pair across costs about ${ratio(r.workers.across_ratio)} a pair on one. Two workers on both cores, shared with the generator: ${number(r.workers.two_envelopes_per_s)} envelopes/s; one: ${number(r.workers.one_envelopes_per_s)}.`,
    );
  return lines.join('\n');
}

export function readmeTables(result) {
  const cells = [...new Set(result.summary.map((s) => s.cell))];
  const limited = result.summary.some((s) => s.generator_limited)
    ? ['\\* the generator was busy all the time: the server could have carried more.']
    : [];
  return {
    condition: condition(result),
    targets: goals(result.targets),
    cells: [...cells.map((cell) => cellTable(result.summary, cell)), ...limited].join('\n\n'),
    others: others(result),
  };
}
