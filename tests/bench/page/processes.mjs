/** The processor time of a browser with all its processes, from /proc. */
import { readFileSync, readdirSync } from 'node:fs';

const TICK_MS = 10;

/** Returns the fields of /proc/PID/stat behind the name, or null when the process has ended. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** Returns the processor time in ms of the browser with this profile, so far, with all its processes. */
export function browserCpuMs(profile) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(pids.map((pid) => [pid, statOf(pid)]).map(([pid, stat]) => [pid, stat?.[1]]));
  const isRoot = (pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return command.includes(`--user-data-dir=${profile}`) && !command.includes('--type=');
    } catch {
      return false;
    }
  };
  const ours = new Set(pids.filter(isRoot));
  for (let before = -1; before !== ours.size;) {
    before = ours.size;
    for (const [pid, parent] of parents) if (ours.has(parent)) ours.add(pid);
  }
  const ticks = [...ours].map(statOf).filter(Boolean);
  return ticks.reduce((sum, stat) => sum + (Number(stat[11]) + Number(stat[12])) * TICK_MS, 0);
}
