import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import { TestClock } from '../support/clock.ts'
import { runnerMachine, type RunnerEvent } from '../../actors/worker/runner.machine.ts'
import { handledEvents, mermaid, statesOf } from '../support/mermaid.ts'
import { runnerEffects } from '../support/runner-effects.ts'
import { assignmentOf } from '../support/worker-assignment.ts'

const visited = new Set<string>()
const taken = new Set<string>()

/** Plays events (a number: so many milliseconds go by) and tells the state and the effects. */
function play(...events: (RunnerEvent | number)[]) {
  return playWith({ maxServed: 3, maxRssBytes: 1_000 }, ...events)
}

interface Setting {
  readonly maxServed: number
  readonly maxRssBytes: number
  readonly held?: boolean
}

function playWith({ held = false, ...input }: Setting, ...events: (RunnerEvent | number)[]) {
  const clock = new TestClock()
  const effects: string[] = []
  let passed = 0
  const record = (name: string) => () => void effects.push(name)
  const actions = Object.fromEntries(runnerEffects.map((name) => [name, record(name)]))
  // Its turn comes at once, but where a test holds it back.
  const askTurn = ({ self }: { readonly self: { send(event: RunnerEvent): void } }) => {
    if (!held) self.send({ type: 'turn' })
  }
  const passTurn = () => void (passed += 1)
  const actor = createActor(runnerMachine.provide({ actions: { ...actions, askTurn, passTurn } }), { input, clock })
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
  return { state, context, effects, passed }
}

const ready: RunnerEvent = { type: 'ready' }
const begin: RunnerEvent = { type: 'begin', assignment: assignmentOf(1), file: 'f' }
const timed: RunnerEvent = { type: 'begin', assignment: assignmentOf(1, { trialTimeoutMs: 500 }), file: 'f' }
const started: RunnerEvent = { type: 'started', at: 1 }
const ended: RunnerEvent = { type: 'ended', rssBytes: 10, last: false }
const last: RunnerEvent = { ...ended, last: true }
const exited: RunnerEvent = { type: 'exited', reason: 'SIGKILL' }
const pruned: RunnerEvent = { type: 'stop', cause: 'pruned' }
const silent: RunnerEvent = { type: 'silent' }
const unfit: RunnerEvent = { type: 'unfit' }
const dismiss: RunnerEvent = { type: 'dismiss' }
const handback: RunnerEvent = { type: 'handback' }
const busy = [ready, begin, started] as const
const stopping = [...busy, pruned] as const

describe('a runner', () => {
  test('is started, warm, told to begin, at work, and warm again', () => {
    expect(play()).toMatchObject({ state: 'starting', effects: ['spawn'] })
    expect(play(ready)).toMatchObject({ state: 'warm', effects: ['tellWarm'] })
    expect(play(ready, begin)).toMatchObject({ state: 'sent', effects: ['begin'] })
    expect(play(...busy)).toMatchObject({ state: 'running', effects: ['tellStarted'], context: { startedAt: 1 } })
    const again = { state: 'warm', effects: ['tellEnded', 'tellWarm'], context: { served: 1, attempt: null } }
    expect(play(...busy, ended)).toMatchObject(again)
    expect(play(ready, begin, ended)).toMatchObject(again)
  })

  test('waits for its turn to start a process, and gives the turn up however the start ends', () => {
    const held = { maxServed: 3, maxRssBytes: 1_000, held: true }
    expect(playWith(held)).toMatchObject({ state: 'queued', effects: [], passed: 0 })
    expect(playWith(held, { type: 'turn' })).toMatchObject({ state: 'starting', effects: ['spawn'], passed: 0 })
    for (const event of [ready, exited, unfit, dismiss, 120_000]) {
      expect(playWith(held, { type: 'turn' }, event).passed).toBe(1)
    }
    expect(playWith(held, dismiss)).toMatchObject({ state: 'ended', passed: 1 })
    expect(playWith(held, begin).effects).toEqual(['refuse'])
  })

  test('that dies while it idles is started again', () => {
    expect(play(ready, exited)).toMatchObject({ state: 'starting', effects: ['tellIdleDeath', 'spawn'] })
    expect(play(ready, exited, ready, begin)).toMatchObject({ state: 'sent', effects: ['begin'] })
  })

  test('takes an attempt when it is warm, and at no other time', () => {
    const elsewhere: (readonly (RunnerEvent | number)[])[] = [
      [],
      [exited],
      [ready, begin],
      busy,
      stopping,
      [...busy, last],
      [...busy, last, 5_000],
      [120_000],
    ]
    for (const before of elsewhere) expect(play(...before, begin).effects).toEqual(['refuse'])
  })

  test('that does not begin what it was told is killed', () => {
    expect(play(ready, begin, 30_000)).toMatchObject({ state: 'killing', context: { killed: 'deaf' } })
    expect(play(ready, begin, 30_000, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
  })

  test('that goes with an attempt in it settles that attempt once, and is started again (I1)', () => {
    expect(play(...busy, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
    expect(play(...stopping, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
    expect(play(ready, begin, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
    expect(play(ready, begin, pruned, exited)).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'] })
    expect(play(...busy, ended, exited)).toMatchObject({ state: 'starting', effects: ['tellIdleDeath', 'spawn'] })
  })

  test('that was told to stop may end in its grace, and is killed after it (I2)', () => {
    expect(play(...stopping)).toMatchObject({ state: 'stopping', effects: ['stop'], context: { cause: 'pruned' } })
    expect(play(...stopping, ended).state).toBe('warm')
    expect(play(ready, begin, pruned, started)).toMatchObject({ state: 'stopping', effects: ['tellStarted'] })
    expect(play(...stopping, 999).state).toBe('stopping')
    expect(play(...stopping, 1_000)).toMatchObject({ state: 'killing', effects: ['kill'] })
    const killed = play(...stopping, 1_000, exited)
    expect(killed).toMatchObject({ state: 'starting', effects: ['settle', 'spawn'], context: { killed: null } })
  })

  test('that is being killed and says that its attempt has ended is believed (I1)', () => {
    const killed = [...stopping, 1_000] as const
    expect(play(...killed, ended)).toMatchObject({ state: 'killing', effects: ['tellEnded'] })
    expect(play(...killed, ended, exited)).toMatchObject({ state: 'starting' })
    expect(play(...killed, ended, ended).effects).toEqual(['refuse'])
    expect(play(ready, begin, 30_000, started)).toMatchObject({ state: 'killing', effects: ['tellStarted'] })
    expect(play(ready, begin, 30_000, started, exited).effects).toEqual(['settle', 'spawn'])
    expect(play(ready, begin, 30_000, pruned, exited).effects).toEqual(['settle', 'spawn'])
    for (const event of [ready, silent, handback]) expect(play(...killed, event).effects).toEqual([])
  })

  test('is stopped when the time of its trial is up, and only if that has an end', () => {
    expect(play(ready, timed, started, 500)).toMatchObject({ state: 'stopping', context: { cause: 'timeout' } })
    expect(play(...busy, 2 ** 31).state).toBe('running')
  })

  test('keeps the first cause of a stop', () => {
    expect(play(ready, timed, started, pruned, 500).context.cause).toBe('pruned')
    expect(play(...stopping, { type: 'stop', cause: 'cancelled' }).context.cause).toBe('pruned')
  })

  test('is replaced between two trials when it has served long, grown large, or is in doubt', () => {
    const three = play(...busy, ended, begin, started, ended, begin, started, ended)
    expect(three).toMatchObject({ state: 'leaving', effects: ['tellEnded', 'leave'] })
    expect(play(...busy, { ...ended, rssBytes: 1_001 }).state).toBe('leaving')
    expect(play(...busy, last).state).toBe('leaving')
    expect(play(ready, begin, last).state).toBe('leaving')
    expect(play(...stopping, last).state).toBe('leaving')
    expect(play(...busy, last, exited)).toMatchObject({ state: 'starting', context: { served: 0 } })
    expect(play(...busy, last, 5_000)).toMatchObject({ state: 'killing' })
  })

  test('that gives no sign of life is killed', () => {
    for (const before of [[ready, begin], busy, stopping]) {
      expect(play(...before, silent)).toMatchObject({ state: 'killing', context: { killed: 'silent' } })
    }
    expect(play(120_000)).toMatchObject({ state: 'killing', context: { killed: 'late' } })
  })

  test('is killed when the worker cannot wait for what runs', () => {
    for (const before of [[ready, begin], busy, stopping]) {
      expect(play(...before, handback)).toMatchObject({ state: 'killing', context: { killed: 'handback' } })
      expect(play(...before, handback, exited).effects).toEqual(['settle', 'spawn'])
    }
  })

  test('that does not start is tried again a few times, with longer pauses, and then given up', () => {
    expect(play(exited).state).toBe('waiting')
    expect(play(exited, 200).state).toBe('starting')
    expect(play(exited, 200, exited, 400, ready).context.failedStarts).toBe(0)
    const given = play(exited, 200, exited, 400, exited, 800, exited)
    expect(given).toMatchObject({ state: 'ended', effects: ['tellUnfit'] })
    const late = play(120_000, exited, 200, exited, 400, exited, 800, exited)
    expect(late).toMatchObject({ state: 'ended' })
    expect(play(unfit)).toMatchObject({ state: 'ended', effects: ['tellUnfit'] })
  })

  test('that is dismissed goes, from wherever it is, and is gone when it has exited', () => {
    expect(play(ready, dismiss)).toMatchObject({ state: 'leaving', effects: ['leave'] })
    const everywhere: (readonly (RunnerEvent | number)[])[] = [
      [],
      [ready],
      [ready, begin],
      busy,
      stopping,
      [...busy, last],
      [...busy, last, 5_000],
      [...stopping, 1_000],
      [120_000],
    ]
    for (const before of everywhere) expect(play(...before, dismiss, exited).state).toBe('ended')
    expect(play(ready, dismiss, 5_000, exited).state).toBe('ended')
    expect(play(exited, dismiss).state).toBe('ended')
  })

  test('refuses what its state has no use for, and says so', () => {
    for (const event of [unfit, ended, started, silent, pruned, handback]) {
      expect(play(ready, event)).toMatchObject({ state: 'warm', effects: ['refuse'] })
    }
    expect(play(...busy, begin)).toMatchObject({ state: 'running', effects: ['refuse'] })
  })

  test('reaches every state and every transition in these tests', () => {
    expect([...visited].sort()).toEqual(statesOf(runnerMachine).sort())
    expect(handledEvents(runnerMachine).filter((pair) => !taken.has(pair) && !pair.includes(' on after'))).toEqual([])
  })

  test('is drawn as it stands', async () => {
    await expect(mermaid(runnerMachine)).toMatchFileSnapshot('drawings/runner.mmd')
  })
})
