import { describe, expect, test, vi } from 'vitest';
import { Devices } from '../engine/devices.js';

const PROFILE = new Uint8Array([1, 2, 3, 4]);
const ME = 'my own id';

class FakeSession {
  listeners = {};
  state = 'dialing';
  id = ME;
  closes = 0;
  on(name, fn) {
    this.listeners[name] = fn;
  }
  link(instance) {
    this.instance = new Uint8Array(instance);
    this.state = 'linked';
    this.listeners.linked({});
  }
  async close() {
    this.closes += 1;
    this.state = 'closed';
  }
}

function world() {
  const calls = [];
  const lines = [];
  const client = {
    state: 'online',
    allowed: [],
    allow: (id) => client.allowed.push(id),
    connect: () => (calls.push(new FakeSession()), calls.at(-1)),
  };
  const changed = vi.fn();
  const devices = new Devices({
    client: () => client,
    me: () => ME,
    profile: async () => PROFILE,
    changed,
    log: (line) => lines.push(line),
  });
  return { devices, calls, client, changed, lines };
}
const OTHER = [9, 9, 9, 9, 0, 0, 0, 0];
const SAME = [...PROFILE, 7, 7, 7, 7];

describe('the same identity on another device', () => {
  test('is called once after each login, and seen while it is linked', async () => {
    const { devices, calls, client, changed } = world();
    await devices.online();
    expect(client.allowed).toEqual([ME]);
    expect(devices.elsewhere).toBe(false);
    calls[0].link(OTHER);
    expect(devices.elsewhere).toBe(true);
    expect(changed).toHaveBeenCalledTimes(1);
    calls[0].listeners.closed({});
    expect(devices.elsewhere).toBe(false);
    expect(calls.length, 'there may be a third').toBe(2);
    devices.stop();
  });

  test('is seen when it calls', async () => {
    const { devices, calls } = world();
    await devices.online();
    const theirs = new FakeSession();
    devices.attach(theirs);
    theirs.link(OTHER);
    expect(devices.elsewhere).toBe(true);
    devices.stop();
    expect(devices.elsewhere).toBe(false);
    expect([theirs.closes, calls[0].closes]).toEqual([1, 1]);
  });

  test('another engine of this profile is the same device', async () => {
    const { devices, calls, lines } = world();
    await devices.online();
    calls[0].link(SAME);
    expect(devices.elsewhere).toBe(false);
    expect(lines).toEqual(['another tab of this browser has an engine of its own']);
    devices.stop();
  });

  test('a call that nobody answers ends', async () => {
    vi.useFakeTimers();
    const { devices, calls } = world();
    await devices.online();
    vi.advanceTimersByTime(60_000);
    expect(calls[0].closes).toBe(1);
    expect(calls.length).toBe(1);
    vi.useRealTimers();
  });

  test('nothing is called without a connection', async () => {
    const { devices, calls, client } = world();
    client.state = 'offline';
    await devices.online();
    expect(calls).toEqual([]);
  });
});
