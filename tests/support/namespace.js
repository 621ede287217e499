/**
 * A network of its own for programs: addresses, routes and names as a test wants them, on nothing but its loopback.
 * Needs the right to make one (root, or user namespaces).
 *
 *   const net = await startNamespace({ hosts: '192.0.2.1 relay.test', setup: 'ip addr add 192.0.2.1 dev lo' });
 *   net === null: not permitted here      net.inside: what goes before a command      await net.stop()
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, start, tempDir } from './process.js';

const NEW = ['--net', '--mount'];
/** What unshare and nsenter need to know beside that: nothing for root, else a user of its own. */
const WAYS = [
  [[], []],
  [['--map-root-user'], ['--user', '--preserve-credentials']],
];

export async function startNamespace({ hosts, setup }) {
  const file = join(tempDir(), 'hosts');
  writeFileSync(file, hosts);
  for (const [make, enter] of WAYS) {
    if ((await run('unshare', [...make, ...NEW, 'ip', 'link', 'set', 'lo', 'up'])).code !== 0) continue;
    const script = `set -e; ip link set lo up; ${setup}; mount --bind ${file} /etc/hosts; echo ready; exec cat`;
    const keeper = start('unshare', [...make, ...NEW, 'sh', '-c', script]);
    await keeper.waitFor('ready');
    return {
      inside: ['nsenter', '--target', String(keeper.pid), ...enter, ...NEW, '--'],
      stop: () => {
        keeper.end();
        return keeper.wait();
      },
    };
  }
  return null;
}
