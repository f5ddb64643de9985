import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { TestClock } from '../support/clock.ts'
import { runnerMachine, type RunnerEvent } from '../../actors/worker/runner.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

const visited = new Set<string>()
const taken = new Set<string>()

/** Plays events (a number: so many milliseconds go by) and tells the state and the effects. */
function play(...events: (RunnerEvent | number)[]) {
  return playWith({ maxServed: 3, maxRssBytes: 1_000 }, ...events)
}

function playWith(input: { maxServed: number; maxRssBytes: number }, ...events: (RunnerEvent | number)[]) {
  const clock = new TestClock()
  const effects: string[] = []
  const record = (name: string) => () => void effects.push(name)
  const names = ['spawn', 'begin', 'stop', 'leave', 'kill', 'settle', 'tellWarm', 'tellUnfit'] as const
  const actions = Object.fromEntries(names.map((name) => [name, record(name)]))
  const actor = createActor(runnerMachine.provide({ actions }), { input, clock })
  actor.subscribe(({ value }) => visited.add(value))
  actor.start()
  visited.add(actor.getSnapshot().value)
  for (const event of events) {
    effects.length = 0
    if (typeof event === 'number') clock.increment(event)
    else {
      taken.add(`${actor.getSnapshot().value} on ${event.type}`)
      actor.send(event)
    }
  }
  const { value: state, context } = actor.getSnapshot()
  return { state, context, effects }
}

const ready: RunnerEvent = { type: 'ready' }
const begin: RunnerEvent = { type: 'begin', assignment: assignmentOf(1), file: 'f' }
const timed: RunnerEvent = { type: 'begin', assignment: assignmentOf(1, { trialTimeoutMs: 500 }), file: 'f' }
const ended: RunnerEvent = { type: 'ended', rssBytes: 10, last: false }
const exited: RunnerEvent = { type: 'exited', reason: 'SIGKILL' }
const pruned: RunnerEvent = { type: 'stop', cause: 'pruned' }
const silent: RunnerEvent = { type: 'silent' }
const dismiss: RunnerEvent = { type: 'dismiss' }
const handback: RunnerEvent = { type: 'handback' }

describe('a runner', () => {
  test('is started, warm, busy and warm again', () => {
    expect(play()).toMatchObject({ state: 'starting', effects: ['spawn'] })
    expect(play(ready)).toMatchObject({ state: 'warm', effects: ['tellWarm'] })
    expect(play(ready, begin)).toMatchObject({ state: 'busy', effects: ['begin'] })
    expect(play(ready, begin, ended)).toMatchObject({ state: 'warm', effects: ['tellWarm'], context: { served: 1 } })
  })

  test('that goes with an attempt in it settles that attempt once, and is started again (I1)', () => {
    expect(play(ready, begin, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
    expect(play(ready, begin, pruned, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
    expect(play(ready, begin, ended, exited)).toMatchObject({ state: 'starting', effects: ['spawn'] })
  })

  test('that was told to stop may end in its grace, and is killed after it (I2)', () => {
    expect(play(ready, begin, pruned)).toMatchObject({
      state: 'stopping',
      effects: ['stop'],
      context: { cause: 'pruned' },
    })
    expect(play(ready, begin, pruned, ended).state).toBe('warm')
    expect(play(ready, begin, pruned, 999).state).toBe('stopping')
    expect(play(ready, begin, pruned, 1_000)).toMatchObject({ state: 'killing', effects: ['kill'] })
    const killed = play(ready, begin, pruned, 1_000, exited)
    expect(killed).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'], context: { killed: null } })
  })

  test('is stopped when the time of its trial is up, and only if that has an end', () => {
    expect(play(ready, timed, 500)).toMatchObject({ state: 'stopping', context: { cause: 'timeout' } })
    expect(play(ready, begin, 2 ** 31).state).toBe('busy')
  })

  test('keeps the first cause of a stop', () => {
    expect(play(ready, timed, pruned, 500).context.cause).toBe('pruned')
  })

  test('is replaced between two trials when it has served long, grown large, or is in doubt', () => {
    expect(play(ready, begin, ended, begin, ended, begin, ended)).toMatchObject({
      state: 'leaving',
      effects: ['leave'],
    })
    expect(play(ready, begin, { ...ended, rssBytes: 1_001 }).state).toBe('leaving')
    expect(play(ready, begin, { ...ended, last: true }).state).toBe('leaving')
    expect(play(ready, begin, pruned, { ...ended, last: true }).state).toBe('leaving')
    expect(play(ready, begin, { ...ended, last: true }, exited)).toMatchObject({
      state: 'starting',
      context: { served: 0 },
    })
    expect(play(ready, begin, { ...ended, last: true }, 5_000)).toMatchObject({ state: 'killing' })
  })

  test('that gives no sign of life is killed', () => {
    expect(play(ready, silent)).toMatchObject({ state: 'killing', context: { killed: 'silent' } })
    expect(play(ready, begin, silent)).toMatchObject({ state: 'killing', context: { killed: 'silent' } })
    expect(play(ready, begin, pruned, silent)).toMatchObject({ state: 'killing', context: { killed: 'silent' } })
    expect(play(120_000)).toMatchObject({ state: 'killing', context: { killed: 'late' } })
  })

  test('is killed when the worker cannot wait for what runs', () => {
    expect(play(ready, begin, handback)).toMatchObject({ state: 'killing', context: { killed: 'handback' } })
    expect(play(ready, begin, pruned, handback)).toMatchObject({ state: 'killing', context: { killed: 'handback' } })
  })

  test('that does not start is tried again a few times, with longer pauses, and then given up', () => {
    expect(play(exited).state).toBe('waiting')
    expect(play(exited, 200).state).toBe('starting')
    expect(play(exited, 200, exited, 400, ready).context.failedStarts).toBe(0)
    const given = play(exited, 200, exited, 400, exited, 800, exited)
    expect(given).toMatchObject({ state: 'ended', effects: ['tellUnfit'] })
    expect(play({ type: 'unfit' })).toMatchObject({ state: 'ended', effects: ['tellUnfit'] })
  })

  test('that is dismissed goes, from wherever it is', () => {
    expect(play(ready, dismiss)).toMatchObject({ state: 'leaving', effects: ['leave'] })
    expect(play(ready, dismiss, exited).state).toBe('ended')
    expect(play(ready, dismiss, 5_000, exited).state).toBe('ended')
    expect(play(dismiss, exited).state).toBe('ended')
    expect(play(exited, dismiss).state).toBe('ended')
    expect(play(ready, exited).state).toBe('starting')
  })

  test('reaches every state and every transition in these tests', () => {
    expect([...visited].sort()).toEqual(statesOf(runnerMachine).sort())
    expect(handledEvents(runnerMachine).filter((pair) => !taken.has(pair) && !pair.includes(' on after'))).toEqual([])
  })

  test('is drawn as it stands', async () => {
    await expect(mermaid(runnerMachine)).toMatchFileSnapshot('drawings/runner.mmd')
  })
})
