/**
 * A relay whose name has several addresses, some of them dead. The test has its own network, in which a dead address
 * really gives no answer.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { idOf, newIdentity, runCli, startCli } from '../support/cli.js';
import { startNamespace } from '../support/namespace.js';
import { start } from '../support/process.js';
import { startRelay } from '../support/relay.js';

// The neighbour entries of 2001:db8::2 and 198.51.100.2 name a hardware address that the other end of the cable lacks,
// so packets to them are dropped without an answer.
const HOSTS = `127.0.0.1 localhost
2001:db8::2 half.test
192.0.2.1 half.test
2001:db8::2 silent.test
198.51.100.2 silent.test
2001:db8:1::2 refused.test
192.0.2.1 refused.test
192.0.2.1 whole.test
192.0.2.2 whole.test
`;
const SETUP = `ip addr add 192.0.2.1/32 dev lo
ip addr add 192.0.2.2/32 dev lo
ip link add here type veth peer name there
ip link set here up
ip link set there up
ip addr add 2001:db8::1/64 dev here nodad
ip addr add 198.51.100.1/24 dev here
ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev here nud permanent
ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev here nud permanent
ip -6 route add unreachable 2001:db8:1::/64`;

let net, otherNet, relay, silent, id;

/** Returns how many connections were started in this network so far. */
function begun() {
  const [names, values] = readFileSync(`/proc/${relay.pid}/net/snmp`, 'utf8').match(/^Tcp:.*$/gm);
  return Number(values.split(' ')[names.split(' ').indexOf('ActiveOpens')]);
}

beforeAll(async () => {
  net = await startNamespace({ hosts: HOSTS, setup: SETUP });
  if (!net) return;
  id = await idOf(newIdentity());
  otherNet = await startNamespace({ hosts: HOSTS, setup: SETUP });
  silent = startCli({ relay: 'ws://silent.test:1', wrap: otherNet.inside }, 'ping', id); // takes the longest
  relay = await startRelay({ listen: '0.0.0.0:0', wrap: net.inside });
});
afterAll(async () => {
  if (!net) return;
  expect((await relay.stop()).code, relay.log).toBe(0);
  await net.stop();
  await otherNet.stop();
});

const networkTest = (name, body) =>
  test(name, async ({ skip }) => {
    if (!net) skip('no right to make a network namespace here');
    await body();
  });

/** Starts two programs that talk over the relay at this address. */
async function talk(host, env = {}) {
  const identity = newIdentity();
  const there = { relay: `ws://${host}:${relay.port}`, wrap: net.inside, env };
  const listen = startCli({ ...there, identity }, 'listen', '--accept', 'all');
  listen.end();
  const connect = startCli(there, 'connect', await idOf(identity));
  connect.end('it gets through');
  expect((await connect.wait()).code, connect.stderr).toBe(0);
  expect((await listen.wait()).code, listen.stderr).toBe(0);
  expect(listen.stdout).toBe('it gets through');
}

networkTest('of addresses that answer one is tried', async () => {
  const before = begun();
  await talk('whole.test');
  expect(begun()).toBe(before + 2);
});

networkTest('one that never answers, tried first, does not hold up the other', async () => {
  const before = begun();
  await talk('half.test');
  expect(begun()).toBe(before + 4); // both programs tried both addresses, each once
});

networkTest('nor does one of a proxy', async () => {
  const script = `const net = require('node:net'), http = require('node:http');
    const proxy = http.createServer().on('connect', (request, socket, head) => {
      const { hostname, port } = new URL('http://' + request.url);
      console.log('asked for', hostname);
      const relay = net.connect(port, hostname, () => {
        socket.write('HTTP/1.1 200 OK\\r\\n\\r\\n');
        relay.write(head);
        socket.pipe(relay).pipe(socket);
      });
      for (const end of [socket, relay]) end.on('error', () => {});
    }).listen(0, '192.0.2.1', () => console.log('port', proxy.address().port));`;
  const proxy = start(net.inside[0], [...net.inside.slice(1), process.execPath, '-e', script]);
  const [, port] = await proxy.waitFor(/port (\d+)/);
  const before = begun();
  await talk('whole.test', { http_proxy: `http://half.test:${port}`, NO_PROXY: '', no_proxy: '' });
  expect(begun()).toBe(before + 4 + 2); // plus two of the proxy
  expect(proxy.stdout).toMatch('asked for whole.test');
  await proxy.stop();
});

networkTest('when all of them refuse, that is said', async () => {
  const { code, stderr } = await runCli({ relay: 'ws://refused.test:1', wrap: net.inside }, [
    '--relay-wait',
    '1',
    'ping',
    id,
  ]);
  expect(code).toBe(3);
  expect(stderr).toMatch('nothing answers at refused.test:1');
});

networkTest('when none of them answers, that is said before the program gives up', async () => {
  expect((await silent.wait()).code).toBe(3);
  expect(silent.stderr).toMatch('no answer from silent.test:1 in time');
});
