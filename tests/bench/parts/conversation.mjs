/** A long conversation on the relay's page: what grows with its length, and what must not. */
import { number } from '../format.mjs';
import { measureConversation } from '../page/conversation.mjs';

const MiB = 1 << 20;
const WHOLE = {};
const QUICK = { lengths: [100, 1000], messages: 20, burst: 300, frames: 60, contacts: 30 };

/** Returns how many times more a message costs in the longest thread than in the shortest. */
const growth = ({ lengths }) => {
  const costs = Object.values(lengths).map((row) => row.cpu_ms);
  return costs.at(-1) / costs[0];
};

export const CONVERSATION = {
  name: 'conversation',
  group: 'pages',
  needs: 240,
  measure: ({ quick, progress, ...more }) => measureConversation({ ...(quick ? QUICK : WHOLE), progress, ...more }),
  targets: (f) => [
    {
      what: `a message with ${number(Number(Object.keys(f.lengths).at(-1)))} in the thread`,
      reached: growth(f),
      limit: 1.3,
    },
    { what: 'a burst into an open thread, to a closed one', reached: f.burst.open_ms / f.burst.closed_ms, limit: 1.2 },
    { what: 'a frame while scrolling', reached: f.frame_ms, limit: 20, unit: ' ms' },
    { what: 'Enter to bubble, 95 of 100', reached: f.bubble_ms, limit: 50, unit: ' ms' },
  ],
  lines: (f) => [
    `A message on the page takes the browser, with all its processes, ${Object.entries(f.lengths)
      .map(([length, { cpu_ms: ms }]) => `${number(ms)} ms with ${number(Number(length))} in the thread`)
      .join(', ')}; with ${f.contacts.contacts} contacts in the list ${number(f.contacts.cpu_ms)} ms. ` +
      `In a burst of ${number(f.burst.messages)} it takes ${number(f.burst.open_ms)} ms, and ` +
      `${number(f.burst.closed_ms)} ms while the thread is closed.`,
    `In the longest thread an own message is on the screen ${number(f.bubble_ms)} ms after Enter (95 of 100), a frame ` +
      `while scrolling takes ${number(f.frame_ms)} ms (median), and the tab's heap has ` +
      `${number(f.heap_bytes / MiB)} MiB with ${f.rows} rows.`,
  ],
};
