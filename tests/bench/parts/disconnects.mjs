/** What a connection that is closed right away costs the relay, for several limits of open files. */
import { number } from '../format.mjs';
import { disconnects } from '../disconnects.mjs';

export const DISCONNECTS = {
  name: 'disconnects',
  needs: 15,
  measure: ({ count } = {}) => disconnects({ count }),
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
      .join(', ')}.`,
  ],
};
