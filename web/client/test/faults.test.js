/**
 * Seeded runs with faults: cut sockets, a relay that dies, lost envelopes, a peer that starts again; a ledger checks
 * that nothing is lost unsaid, doubled or out of order. A failing seed prints itself; FAULT_SEED=n runs it alone.
 */
import { beforeAll, expect, test } from 'vitest'
import { loadSodium } from '../core/sodium.js'
import { World, makeRandom } from './model.js'

beforeAll(loadSodium)

const SEEDS = Number(process.env.FAULT_SEEDS ?? 60)
const seeds = process.env.FAULT_SEED ? [Number(process.env.FAULT_SEED)] : Array.from({ length: SEEDS }, (_, i) => i + 1)


function run(seed) {
  const random = makeRandom(seed)
  const chance = (p) => random.next() < p
  const pick = (n) => Math.floor(random.next() * n)
  const windows = chance(0.5) ? {} : { messageMax: 20000, channelWindow: 40000, sessionWindow: 60000 }
  const world = new World({ seed, delay: 1 + pick(40) })
  const ana = world.peer('ana', { acceptAll: true, ...windows }).start()
  const bo = world.peer('bo', { acceptAll: true, ...windows }).start()
  const most = windows.messageMax ?? 100000
  const number = new Map([[ana, ana.connect(bo)]])
  if (chance(0.3)) number.set(bo, bo.connect(ana))
  const sessionOf = (peer) => number.get(peer) ?? peer.last('session')?.session
  /** Per direction and channel: texts accepted by send, in order; an index of those that came. */
  const accepted = new Map()
  const key = (peer, channel) => `${peer.name} ${channel}`
  let faults = 30
  world.loses = (peer, payload, flags) => faults > 0 && chance(0.02) && (faults--, true)
  const steps = 150
  for (let step = 0; step < steps; step++) {
    const peer = chance(0.5) ? ana : bo
    const session = sessionOf(peer)
    const what = random.next()
    if (what < 0.7 && session) {
      const channel = pick(3)
      const list = accepted.get(key(peer, channel)) ?? []
      const size = chance(0.2) ? pick(most - 20) : pick(200)
      const text = `${list.length}:`.padEnd(size + 8, '.')
      if (!peer.try('send', { session, channel, data: new TextEncoder().encode(text) }).error) {
        list.push(text)
        accepted.set(key(peer, channel), list)
      }
    } else if (what < 0.76) world.cut(peer)
    else if (what < 0.79) {
      world.crash()
      world.later(() => (world.up = true), pick(4000))
    } else if (what < 0.82) peer.do('network_up')
    world.pass(pick(chance(0.1) ? 5000 : 60))
  }
  faults = 0
  world.up = true
  const done = () =>
    [[ana, bo], [bo, ana]].every(([from, to]) => [0, 1, 2].every((channel) => to.texts(channel).length >= (accepted.get(key(from, channel)) ?? []).length))
  world.until(done, `seed ${seed}: all arrived`, 200000)
  for (const [from, to] of [[ana, bo], [bo, ana]])
    for (const channel of [0, 1, 2]) {
      const got = to.texts(channel)
      const want = accepted.get(key(from, channel)) ?? []
      if (got.length !== want.length || got.some((text, i) => text !== want[i])) throw new Error(`seed ${seed}: ${key(from, channel)} differs`)
    }
  world.pass(60000)
  for (const peer of [ana, bo]) {
    expect(peer.engine.entries.size, `seed ${seed}: sessions of ${peer.name}`).toBe(1)
    const { session } = [...peer.engine.entries.values()][0]
    expect(session.waiting, `seed ${seed}: unacknowledged at ${peer.name}`).toBe(0)
    expect(session.links.length, `seed ${seed}: links of ${peer.name}`).toBe(1)
    expect(peer.of('lost'), `seed ${seed}`).toEqual([])
    expect(peer.engine.slots.byNumber.size, `seed ${seed}: slots of ${peer.name}`).toBe(1)
  }
}

test(`${seeds.length} seeds: nothing lost, doubled or out of order`, { timeout: 300000 }, () => {
  for (const seed of seeds) {
    try {
      run(seed)
    } catch (error) {
      throw new Error(`seed ${seed}: ${error.message}`, { cause: error })
    }
  }
})
