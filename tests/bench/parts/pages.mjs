/** A session between two pages, and first visits of the relay's page. */
import { number } from '../format.mjs';
import { measurePages, measureVisits } from '../page.mjs';

const MiB = 1 << 20;

export const PAGES = {
  name: 'pages',
  group: 'pages',
  needs: 20,
  measure: ({ rounds, quick }) => measurePages({ rounds: Math.min(3, rounds), bytes: (quick ? 16 : 64) * MiB }),
  targets: (f) => [
    { what: 'one session from page to page', reached: f.mb_per_s, limit: 20, unit: ' MB/s', atLeast: true },
  ],
  lines: (f) => [
    `Page to page, each in a Chromium of its own: one session carries ${number(f.mb_per_s)} MB/s in messages of 64 KiB; 64 bytes and their receipt take ${number(f.round_ms)} ms.`,
  ],
};

const times = (v) =>
  `painted after ${number(v.paint_ms)} ms, usable after ${number(v.ready_ms)} ms, before the relay with its cryptography loaded after ${number(v.online_ms)} ms`;

export const VISITS = {
  name: 'visits',
  group: 'pages',
  needs: 20,
  measure: ({ rounds }) => measureVisits({ rounds: Math.min(3, rounds) }),
  targets: () => [],
  lines: (f) => [
    `First visit of the page, ${number(f.full_speed.bytes / 1024)} KiB: ${times(f.full_speed)}; with a processor four times slower ${times(f.quarter_speed)}.`,
  ],
};
