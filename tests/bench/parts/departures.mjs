/**
 * Thousands of sockets leave or log in at once: what that costs the relay, and how long the messages of others take
 * meanwhile.
 */
import { number, ratio } from '../format.mjs';
import { GENERATOR_CORE, START, load, urgent } from '../servers.mjs';
import { median } from '../statistics.mjs';
import { PATIENT, fresh } from './common.mjs';

const LEAVERS = 16_000;
const LIVE = [1_000, 4_000, 16_000]; // that stay while 1,000 others leave
const HOW = ['exit', 'close'];
const LOGINS = 4_000;

const leave = (how, leavers, pairs, stay, seconds, label = 'pairlink') =>
  fresh(label, (server) =>
    load(server, label, [
      ...['--leave', how, '--leavers', leavers, '--pairs', pairs, '--idle', stay, '--seconds', seconds],
      ...PATIENT,
    ]),
  );

/** The same storm, but the pairs talk through a second relay. It is idle and runs on their core, ahead of everything
 * else there. So this is what the storm costs the machine. Returns their 99th percentile. */
async function control(how, leavers, pairs, seconds, label) {
  const other = await START[label]({ cores: GENERATOR_CORE, before: urgent() });
  try {
    const row = await fresh(label, ({ pid, port }) =>
      load({ pid, port: other.port }, label, [
        ...['--leave', how, '--leavers', leavers, '--pairs', pairs, '--seconds', seconds, '--leavers-port', port],
        ...PATIENT,
      ]),
    );
    return row.p99_us;
  } finally {
    await other.stop();
  }
}

/** Returns `{"1000": µs, …}`: CPU of each of `leavers` sockets that leave while others stay. */
async function curve(rounds, leavers, live) {
  const cpu_us = {};
  for (const stay of live) {
    const rows = [];
    for (let round = 0; round < rounds; round++) rows.push((await leave('exit', leavers, 0, stay, 0.05)).cpu_us);
    cpu_us[stay] = median(rows);
  }
  return cpu_us;
}

async function storm(how, rounds, leavers, seconds, label = 'pairlink') {
  const rows = [];
  for (let round = 0; round < rounds; round++) rows.push(await leave(how, leavers, 50, 0, seconds, label));
  const of = (figure) => median(rows.map((row) => row[figure]));
  return {
    seconds: of('seconds'),
    p99_us_alone: of('p99_us_alone'),
    p99_us: of('p99_us'),
    max_us: of('max_us'),
    control_p99_us: await control(how, leavers, 50, seconds, label),
    p99_to_alone: median(rows.map((row) => row.p99_us / row.p99_us_alone)),
  };
}

async function measure({ rounds, seconds = 1, leavers = LEAVERS, live = LIVE, logins = LOGINS }) {
  const cpu_us = await curve(Math.min(rounds, 2), Math.min(leavers, 1_000), live);
  const all = Object.values(cpu_us);
  const storms = {};
  for (const how of HOW) storms[how] = await storm(how, rounds, leavers, seconds);
  const login = await storm('login', rounds, logins, seconds);
  const login_tls = await storm('login', rounds, Math.ceil(logins / 4), seconds, 'pairlink-tls');
  return { leavers, logins, cpu_us, most_to_least: Math.max(...all) / Math.min(...all), ...storms, login, login_tls };
}

/** Figures that were measured before the ratio was taken of each round have only the two medians. */
const toAlone = (f) => f.p99_to_alone ?? f.p99_us / f.p99_us_alone;

const sentence = (what, f) =>
  `When ${what} at once, the 99th percentile of others' messages, one way, is ${number(f.p99_us)} µs for the ${number(f.seconds)} s that this takes; without that ${number(f.p99_us_alone)} µs: ${ratio(toAlone(f))}.${f.control_p99_us ? ` Control: through a second relay, which is idle: ${number(f.control_p99_us)} µs.` : ''}`;

/** The storms: what happens, and whether its target is also a ratio. Older figures lack some of them. */
const stormsOf = (f) =>
  [
    { name: 'exit', short: 'crash', what: `${number(f.leavers)} sockets of a process that ends leave`, relative: true },
    {
      name: 'close',
      short: 'closing handshake',
      what: `${number(f.leavers)} sockets send a close frame`,
      relative: true,
    },
    { name: 'login', short: 'logins', what: `${number(f.logins)} sockets log in` },
    { name: 'login_tls', short: 'logins over TLS', what: `${number(Math.ceil(f.logins / 4))} sockets log in over TLS` },
  ].filter(({ name }) => f[name]);

export const DEPARTURES = {
  name: 'departures',
  needs: 100,
  measure,
  targets: (f) => [
    { what: 'CPU of a disconnect, 1,000 to 16,000 live sockets, most to least', reached: f.most_to_least, limit: 1.5 },
    ...stormsOf(f)
      .filter(({ relative }) => relative)
      .map(({ name, short }) => ({
        what: `${number(f.leavers)} leave at once, ${short}: p99 of others' messages to that without it`,
        reached: toAlone(f[name]),
        limit: 1.5,
      })),
    ...stormsOf(f).map(({ name, short }) => ({
      what: `p99 of others' messages in a storm, ${short}`,
      reached: f[name].p99_us / 1000,
      limit: 5,
      unit: ' ms',
    })),
  ],
  lines: (f) => [
    `CPU of a disconnect: ${Object.entries(f.cpu_us)
      .map(([live, us]) => `${number(us)} µs with ${number(Number(live))} live sockets`)
      .join(', ')}.`,
    ...stormsOf(f).map(({ name, what }) => sentence(what, f[name])),
  ],
};
