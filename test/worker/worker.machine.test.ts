import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { workerMachine, type WorkerEvent } from '../../actors/worker/worker.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'

const visited = new Set<string>()
const taken = new Set<string>()

/** Events by name; `warm` counts the slots up. */
function play(...events: WorkerEvent['type'][]) {
  const effects: string[] = []
  const record = (name: string) => () => void effects.push(name)
  const names = [
    'announce',
    'beat',
    'expireLeases',
    'extendLeases',
    'drainSlots',
    'awaitDelivery',
    'leave',
    'refuse',
  ] as const
  const actions = Object.fromEntries(names.map((name) => [name, record(name)]))
  const actor = createActor(workerMachine.provide({ actions }), { input: { slots: 2 } })
  actor.subscribe(({ value }) => visited.add(value))
  actor.start()
  visited.add(actor.getSnapshot().value)
  let slot = 0
  for (const type of events) {
    effects.length = 0
    taken.add(`${actor.getSnapshot().value} on ${type}`)
    if (type === 'warm') actor.send({ type, slot: slot++ })
    else if (type === 'drain') actor.send({ type, reason: 'SIGTERM' })
    else actor.send({ type })
  }
  return { state: actor.getSnapshot().value, effects }
}

describe('a worker', () => {
  test('is announced once one slot has a warm runner, and says so of each slot that follows', () => {
    expect(play().state).toBe('connecting')
    expect(play('warm')).toEqual({ state: 'present', effects: ['announce'] })
    expect(play('warm', 'warm')).toEqual({ state: 'present', effects: ['beat'] })
  })

  test('offers a slot once, however often its runner is replaced', () => {
    const effects: string[] = []
    const actions = { beat: () => void effects.push('beat') }
    const actor = createActor(workerMachine.provide({ actions }), { input: { slots: 2 } }).start()
    for (const slot of [0, 0, 1, 0, 1]) actor.send({ type: 'warm', slot })
    expect(actor.getSnapshot().context.warm).toEqual([0, 1])
    expect(effects).toEqual(['beat'])
  })

  test('refuses what it does not expect, and says so', () => {
    expect(play('delivered')).toEqual({ state: 'connecting', effects: ['refuse'] })
  })

  test('announces itself when the roll is called and when it is connected again', () => {
    expect(play('warm', 'warm', 'rollcall').effects).toEqual(['announce'])
    expect(play('warm', 'warm', 'disconnected', 'connected')).toEqual({
      state: 'present',
      effects: ['extendLeases', 'announce'],
    })
    expect(play('warm', 'warm', 'connected').effects).toEqual(['extendLeases', 'announce'])
  })

  test('beats each second and at once when something changed, and ends the leases of silent drivers', () => {
    expect(play('warm', 'warm', 'tick').effects).toEqual(['expireLeases', 'beat'])
    expect(play('warm', 'warm', 'changed').effects).toEqual(['beat'])
  })

  test('ends no lease while it can hear nobody', () => {
    expect(play('warm', 'warm', 'disconnected', 'tick')).toEqual({ state: 'away', effects: [] })
  })

  test('drains its slots, delivers what it owes, and leaves', () => {
    expect(play('warm', 'warm', 'drain')).toEqual({ state: 'draining', effects: ['drainSlots', 'beat'] })
    expect(play('warm', 'warm', 'drain', 'tick').effects).toEqual(['beat'])
    expect(play('warm', 'warm', 'drain', 'changed').effects).toEqual(['beat'])
    expect(play('warm', 'warm', 'drain', 'rollcall').effects).toEqual(['announce'])
    expect(play('warm', 'warm', 'drain', 'connected').effects).toEqual(['announce'])
    const empty = ['warm', 'warm', 'drain', 'slot.empty', 'slot.empty'] as const
    expect(play(...empty)).toEqual({ state: 'delivering', effects: ['awaitDelivery'] })
    expect(play(...empty, 'tick').effects).toEqual(['beat'])
    expect(play(...empty, 'delivered')).toEqual({ state: 'left', effects: ['leave'] })
    expect(play('drain').state).toBe('draining')
    expect(play('warm', 'warm', 'disconnected', 'drain').state).toBe('draining')
  })

  test('reaches every state and every transition in these tests', () => {
    expect([...visited].sort()).toEqual(statesOf(workerMachine).sort())
    expect(handledEvents(workerMachine).filter((pair) => !taken.has(pair))).toEqual([])
  })

  test('is drawn as it stands', async () => {
    await expect(mermaid(workerMachine)).toMatchFileSnapshot('drawings/worker.mmd')
  })
})
