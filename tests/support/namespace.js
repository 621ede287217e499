/**
 * Makes a separate network for programs, with the addresses, routes and names that a test wants, on its loopback alone.
 * Needs permission to do so (root, or user namespaces).
 *
 *   const net = await startNamespace({ hosts: '192.0.2.1 relay.test', setup: 'ip addr add 192.0.2.1 dev lo' });
 *   net is null when it is not permitted      net.inside: what to put before a command      await net.stop()
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, start, tempDir } from './process.js';

const NEW = ['--net', '--mount'];
/** Further options of unshare and nsenter: none for root, otherwise a user namespace. */
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
