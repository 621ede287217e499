/** What a connection that is closed right away costs the relay, for several limits of open files. */
import { number } from '../format.mjs';
import { disconnects } from '../disconnects.mjs';

const leftOut = (limits) =>
  limits.length
    ? `; left out, because this machine does not allow it: ${limits.map((limit) => number(limit)).join(', ')}`
    : '';

export const DISCONNECTS = {
  name: 'disconnects',
  needs: 15,
  measure: ({ count, limits } = {}) => disconnects({ count, limits }),
  targets: (f) => [
    {
      what: 'CPU of a disconnect, the dearest to the cheapest limit of open files',
      reached: f.most_to_least,
      limit: 1.5,
    },
  ],
  lines: (f) => [
    `CPU of a connection that is closed at once: ${Object.entries(f.cpu_us)
      .map(([limit, us]) => `${number(us)} µs with ${number(Number(limit))} open files allowed`)
      .join(', ')}${leftOut(f.not_allowed ?? [])}.`,
  ],
};
