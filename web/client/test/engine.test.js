/** Two engines over a model of the relay: pairing, messages, resuming. */
import { beforeAll, describe, expect, test } from 'vitest'
import { loadSodium } from '../core/sodium.js'
import { World } from './model.js'

beforeAll(loadSodium)

/** Two peers in a session: a called b. */
export function pair(options = {}, a = {}, b = {}) {
  const world = new World(options)
  const ana = world.peer('ana', a).start()
  const bo = world.peer('bo', { acceptAll: true, ...b }).start()
  const session = ana.connect(bo)
  world.until(() => ana.last('linked') && bo.last('session'), 'linked')
  return { world, ana, bo, session, other: bo.last('session').session }
}

describe('pairing', () => {
  test('two peers exchange messages', () => {
    const { world, ana, bo, session, other } = pair()
    ana.send(session, 'hello')
    bo.send(other, 'good day')
    world.until(() => bo.texts().length && ana.texts().length, 'messages')
    expect(bo.texts()).toEqual(['hello'])
    expect(ana.texts()).toEqual(['good day'])
    world.until(() => ana.last('delivered'), 'receipt')
    expect(ana.last('delivered')).toMatchObject({ channel: 0, place: 6 })
    expect(bo.last('session')).toMatchObject({ text: 'test/1', name: 'ana' })
    expect(ana.last('linked')).toMatchObject({ text: 'test/1', name: 'bo' })
  })
})
