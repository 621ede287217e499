/** Measures what a connection that is closed right away costs the relay, for several limits of open files. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { START } from './servers.mjs';

const LIMITS = [3_000, 20_000, 200_000, 1_048_576];
const AT_ONCE = 8;

const allowed = (limit) => {
  try {
    execFileSync('prlimit', [`--nofile=${limit}:${limit}`, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Returns the CPU time of all threads of a process in µs. */
const cpu = (pid) =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000,
    0,
  );

const visit = (port) =>
  new Promise((done, fail) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end());
    socket.on('close', done).on('error', fail).resume();
  });

async function visits(port, count) {
  let left = count;
  const one = async () => {
    while (left-- > 0) await visit(port);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/**
 * Returns `{"3000": µs, …}` for the limits that this machine allows, the limits that it does not, and the highest cost
 * relative to the lowest: null with fewer than two limits, because one alone says nothing.
 */
export async function disconnects({ count = 3_000, limits = LIMITS } = {}) {
  const cpu_us = {};
  const measured = limits.filter(allowed);
  for (const limit of measured) {
    const server = await START.pairlink({ limit });
    try {
      await visits(server.port, count / 10);
      const before = cpu(server.pid);
      await visits(server.port, count);
      cpu_us[limit] = (cpu(server.pid) - before) / count;
    } finally {
      await server.stop();
    }
  }
  const all = Object.values(cpu_us);
  return {
    cpu_us,
    not_allowed: limits.filter((limit) => !measured.includes(limit)),
    most_to_least: all.length < 2 ? null : Math.max(...all) / Math.min(...all),
  };
}
