import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodePayload,
  encodePayload,
  log,
  type AttemptOutcome,
  type Context,
  type LogEvent,
  type OptimizationContext,
  type RingSettings,
} from '../../protocol/index.ts'
import { History, isFinal, Reading, type HeldPart, type Part } from '../../src/history/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { accepted, assigned, ended, lost, suggested } from '../store/events.ts'
import { logEvents, outcomes } from './arbitrary.ts'

const done = (value: number): AttemptOutcome => ({ kind: 'done', metrics: { accuracy: value } })
const failed: AttemptOutcome = { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'no' } }
const cancelled: AttemptOutcome = { kind: 'stopped', reason: 'cancelled', metrics: {} }
const cancel: LogEvent = { type: 'experiment.stopping', at: 30, mode: 'cancel' }
const over = (state: 'done' | 'stopped' | 'failed'): LogEvent => ({
  type: 'experiment.ended',
  at: 40,
  state,
  best: null,
})
const resumed: LogEvent = { type: 'experiment.resumed', at: 50 }

describe('who reads a log', () => {
  it('sees a trial that was cancelled by Ctrl-C and run to its end after resume as done, and as the best', () => {
    const result = resultOf('e', [
      accepted({ trials: 2 }),
      suggested(0),
      assigned(0),
      ended(0, done(0.1)),
      suggested(1),
      assigned(1),
      cancel,
      ended(1, cancelled),
      over('stopped'),
      resumed,
      assigned(1, 2),
      ended(1, done(0.9), 2),
      over('done'),
    ])
    expect(result).toMatchObject({ state: 'done', counts: { done: 2, cancelled: 0 }, best: { trial: 1 } })
    expect(result.trials[1]).toMatchObject({ state: 'done', attempt: 2, metrics: { accuracy: 0.9 } })
  })

  it('does not count the late failure of an attempt that another one has replaced', () => {
    const events = [accepted({}), suggested(0), assigned(0), lost(0), assigned(0, 2), ended(0, failed, 1)]
    expect(resultOf('e', events).trials[0]).toMatchObject({ state: 'running', attempt: 2 })
    expect(resultOf('e', [...events, ended(0, done(0.5), 2)]).trials[0]).toMatchObject({ state: 'done', attempt: 2 })
  })

  it('is not misled by a loss that is written after the result, or after the end', () => {
    const events = [accepted({}), suggested(0), assigned(0), ended(0, done(0.5)), lost(0)]
    expect(resultOf('e', events)).toMatchObject({ counts: { done: 1 }, trials: [{ state: 'done', attempts: 1 }] })
    const after = resultOf('e', [...events, over('done'), lost(0)])
    expect(after).toMatchObject({ state: 'done', endedAt: 40, counts: { done: 1 }, best: { trial: 0 } })
    expect(after.trials[0]).not.toHaveProperty('problem')
  })

  it('does not call running what waits in a slot behind another trial', () => {
    const elsewhere: LogEvent = { ...assigned(2), slot: 1 } as LogEvent
    const trials = [0, 1, 2, 3].map((trial) => suggested(trial))
    const events = [accepted({ trials: 4 }), ...trials, assigned(0), assigned(1), elsewhere, assigned(3)]
    const statesAfter = (...more: readonly LogEvent[]) => {
      const { counts, trials: told } = resultOf('e', [...events, ...more])
      const states = told.map(({ state }) => state)
      expect(counts).toMatchObject({ running: states.filter((one) => one === 'running').length })
      return states
    }
    expect(statesAfter()).toEqual(['running', 'queued', 'running', 'queued'])
    expect(resultOf('e', events).counts).toMatchObject({ queued: 2, running: 2 })
    expect(statesAfter(ended(0, done(0.5)))).toEqual(['done', 'running', 'running', 'queued'])
    // What is called back, or lost, makes room as well.
    expect(statesAfter(ended(1, { kind: 'returned', reason: 'an idle slot' }))[1]).toBe('queued')
    expect(statesAfter(lost(0))).toEqual(['queued', 'running', 'running', 'queued'])
    expect(statesAfter(lost(0), assigned(0, 2))).toEqual(['queued', 'running', 'running', 'queued'])
  })

  it('is told whose turn it is by an event that names another trial', () => {
    const reading = new Reading('e')
    const movedUp = (event: LogEvent) => {
      reading.apply(event)
      return reading.history?.movedUp
    }
    for (const event of [accepted({ trials: 3 }), suggested(0), suggested(1), suggested(2)]) reading.apply(event)
    expect([assigned(0), assigned(1), assigned(2)].map(movedUp)).toEqual([[], [], []])
    expect(movedUp(ended(0, done(0.5)))).toEqual([1])
    expect(movedUp({ type: 'experiment.noted', at: 30, note: 'a note' })).toEqual([])
    expect(movedUp(lost(2))).toEqual([])
  })

  it('takes what a driver wrote for ended as ended, with what was open cancelled', () => {
    const result = resultOf('e', [accepted({ trials: 3 }), suggested(0), assigned(0), suggested(1), over('done')])
    expect(result).toMatchObject({ state: 'done', counts: { cancelled: 2, running: 0, queued: 0 } })
  })
})

/** What a driver moves its history by beside the log: it is not kept. */
const unkept = fc.oneof(
  fc.constant({ type: 'optimizer.lost' as const }),
  fc.record({
    type: fc.constant('trial.started' as const),
    trial: fc.nat(3),
    attempt: fc.integer({ min: 1, max: 4 }),
    at: fc.nat(9),
  }),
)
const settings = fc.record({
  kind: fc.constantFrom('optimization' as const, 'training' as const, 'ring' as const),
  trials: fc.integer({ min: 1, max: 4 }),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  maxFailed: fc.constantFrom(null, 1, 2),
  stop: fc.constantFrom({}, { target: 2 }, { withoutImprovement: 2 }),
})

type AcceptedEvent = Extract<LogEvent, { type: 'experiment.accepted' }>
type Settings = ReturnType<typeof settings.generate>['value_']

function acceptedWith({ kind, trials, maxAttempts, maxFailed, stop }: Settings): AcceptedEvent {
  const event = accepted({ trials, maxAttempts, objectives: [{ metric: 'value', direction: 'maximize' }] })
  if (event.type !== 'experiment.accepted') throw new Error('never')
  const { hparams, seed, pruner, objectives, policy } = event.submission.context
  const shared = { hparams, seed, pruner, objectives, policy: { ...policy, maxFailed } }
  const ring: RingSettings = {
    workers: { min: 1, max: 2 },
    waitMs: null,
    algorithm: 'ring',
    encoding: 'float32',
    chunkBytes: 4096,
    syncEvery: 1,
    accumulate: 1,
    checkpointEvery: null,
    shard: 'rank',
    learningRate: 'as-set',
    nonFinite: 'stop',
  }
  const context: Context =
    kind === 'training'
      ? { ...shared, kind, trials: 1, pruner: null, ring }
      : { ...(event.submission.context as OptimizationContext), ...shared, stop, ...(kind === 'ring' ? { ring } : {}) }
  return { ...event, submission: { ...event.submission, context } }
}

/** How a history stands, but for what is not kept: that a trial has started, that an optimizer is being opened. */
function standing(history: History): string {
  const { best, tally, conclusion, deadline } = history
  const { state, suggested, failed, problem, concluded } = history.lifecycle
  return JSON.stringify([
    state === 'opening' ? 'searching' : state,
    [best, tally, suggested, failed, problem, concluded, conclusion, deadline, history.length],
    [...history.queued],
    [...history.held],
    [...history.trials].map(([trial, { value, context }]) => {
      const { startedAt: _, ...kept } = context
      return [trial, value === 'running' ? 'assigned' : value, kept]
    }),
  ])
}

/** What workers have, in the order in which it was given to them: what was there before comes first. */
function inOrder(before: readonly HeldPart[], history: History): HeldPart[] {
  const open = [...history.trials.values()].flatMap(({ value, context }) =>
    value === 'queued' || isFinal(value) ? [] : context.parts,
  )
  return [...before.filter((part) => open.includes(part)), ...open.filter((part) => !before.includes(part))]
}

/** Counted anew from every trial, as nobody keeps it. */
function countedAnew(history: History, given: readonly Part[]): string {
  const runs = (part: Part) => given.find(({ worker, slot }) => worker === part.worker && slot === part.slot) === part
  const tally = { queued: 0, running: 0, done: 0, pruned: 0, failed: 0, cancelled: 0 }
  let best: { trial: number; value: number } | null = null
  for (const [trial, { value, context }] of [...history.trials].sort(([a], [b]) => a - b)) {
    const open = value === 'assigned' || value === 'running' || value === 'stopping'
    const state = open ? (context.parts.length === 0 || context.parts.some(runs) ? 'running' : 'queued') : value
    tally[state] += 1
    const reached = context.metrics['value']
    if (state === 'done' && typeof reached === 'number' && (best === null || reached > best.value))
      best = { trial, value: reached }
  }
  return JSON.stringify([tally, best?.trial])
}

/** Runs of steps in the order of a driver, with hostile ones strewn in. */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: logEvents },
    { weight: 2, arbitrary: unkept },
    // A trial from its suggestion to its result, one worker after the other.
    fc
      .tuple(fc.nat(3), outcomes)
      .map(([trial, outcome]) => [
        suggested(trial),
        { ...assigned(trial), worker: 'w1' } as LogEvent,
        ended(trial, outcome),
      ]),
    fc.constant([cancel, over('stopped'), resumed]),
  ),
  { maxLength: 10 },
)

describe('a driver and those who read its log', () => {
  it('hold the same after each event, in whatever order the events come (10,000 logs)', () => {
    fc.assert(
      fc.property(settings, steps, (setting, drawn) => {
        const first = acceptedWith(setting)
        const driver = new History(first.submission)
        const reading = new Reading('e')
        let given: HeldPart[] = []
        const written = (event: LogEvent) => {
          driver.apply(event)
          reading.take(decodePayload(log, encodePayload(log, { events: [event] }, 'log'), 'log'))
        }
        written(first)
        for (const event of drawn.flat()) {
          if (event.type === 'optimizer.lost' || event.type === 'trial.started') driver.apply(event)
          else written(event)
          const { history } = reading
          if (history === null || standing(driver) !== standing(history)) {
            expect(history === null ? null : JSON.parse(standing(history))).toEqual(JSON.parse(standing(driver)))
          }
          const { tally, best } = driver
          given = inOrder(given, driver)
          const counted = countedAnew(driver, given)
          if (JSON.stringify([tally, best?.trial]) !== counted)
            expect([tally, best?.trial]).toEqual(JSON.parse(counted))
        }
      }),
      { numRuns: 10_000 },
    )
  })
})
