import { describe, expect, it } from 'vitest'
import { array, assert, constant, integer, oneof, property } from 'fast-check'
import type { AttemptOutcome, LogEvent, Objective } from '../../protocol/index.ts'
import { resultOf, searchedHparams } from '../../src/store/index.ts'
import { accepted, assigned, ended, lost, suggested } from './events.ts'

const maximize: Objective[] = [{ metric: 'accuracy', direction: 'maximize' }]
const over = (state: 'done' | 'stopped' | 'failed' = 'done'): LogEvent => ({
  type: 'experiment.ended',
  at: 100,
  state,
  best: null,
})
const done = (value: number): AttemptOutcome => ({ kind: 'done', metrics: { accuracy: value } })
const crashed: AttemptOutcome = { kind: 'crashed', problem: { code: 'RUNNER_CRASHED', message: 'gone' } }

/** An experiment whose trials return these values at once. */
const search = (values: readonly number[], objectives = maximize) =>
  resultOf('e', [
    accepted({ objectives, trials: values.length }),
    ...values.flatMap((value, trial) => [suggested(trial), assigned(trial), ended(trial, done(value))]),
    over(),
  ])

describe('a result', () => {
  it('has the best, the worst and the mean of the trials that are done', () => {
    const result = search([0.5, 0.9, 0.1])
    expect(result.best?.trial).toBe(1)
    expect(result.worst?.trial).toBe(2)
    expect(result.mean).toBeCloseTo(0.5)
    expect(result).toMatchObject({ state: 'done', counts: { done: 3 }, wanted: 3, durationMs: 100 })
  })

  it('says of a trial that several workers train how many they were at most', () => {
    const formed = (generation: number, workers: readonly string[]): LogEvent => ({
      type: 'ring.formed',
      at: 2,
      trial: 0,
      generation,
      members: workers.map((worker, index) => ({ worker, slot: 0, attempt: index + 1 })),
    })
    const events = [accepted({}), suggested(0), formed(1, ['w1', 'w2', 'w3']), formed(2, ['w1', 'w3'])]
    expect(resultOf('e', events).trials[0]?.members).toBe(3)
    expect(search([1]).trials[0]).not.toHaveProperty('members')
  })

  it('looks for the least when the objective is minimized', () => {
    const result = search([0.5, 0.9, 0.1], [{ metric: 'accuracy', direction: 'minimize' }])
    expect([result.best?.trial, result.worst?.trial]).toEqual([2, 1])
  })

  it('gives ties to the lower trial', () => {
    expect(search([0.1, 0.9, 0.9]).best?.trial).toBe(1)
  })

  it('never takes NaN for the best, the worst, or into the mean', () => {
    const result = search([NaN, 0.2, NaN, 0.4])
    expect([result.best?.trial, result.worst?.trial, result.mean]).toEqual([3, 1, 0.30000000000000004])
    expect(search([NaN]).best).toBeNull()
  })

  it('has the mean of values whose sum is no double', () => {
    expect(search([1e308, 1.2e308]).mean).toBe(1.1e308)
  })

  it('takes the maximum of any finite values for the best, and its first place', () => {
    assert(
      property(array(oneof(integer({ min: -3, max: 3 }), constant(NaN))), (values) => {
        const finite = values.filter(Number.isFinite)
        const best = search(values).best?.trial ?? -1
        expect(best).toBe(finite.length === 0 ? -1 : values.indexOf(Math.max(...finite)))
      }),
    )
  })

  it('has a pareto front instead of a best when there are several objectives', () => {
    const objectives: Objective[] = [...maximize, { metric: 'size', direction: 'minimize' }]
    const points = [
      [0.9, 10],
      [0.8, 5],
      [0.7, 7],
      [0.9, 12],
      [NaN, 1],
    ] as const
    const result = resultOf('e', [
      accepted({ objectives, trials: points.length }),
      ...points.flatMap(([accuracy, size], trial) => [
        suggested(trial),
        assigned(trial),
        ended(trial, { kind: 'done', metrics: { accuracy, size } }),
      ]),
      over(),
    ])
    expect(result.best).toBeNull()
    expect(result.pareto.map(({ trial }) => trial)).toEqual([0, 1])
  })

  it('has a best, and a front, of those trials alone that keep the constraints, and counts those that break each', () => {
    const limited: Objective[] = [
      {
        metric: 'accuracy',
        direction: 'maximize',
        limits: [
          { metric: 'memory', atMost: 2 },
          { metric: 'size', atLeast: 4 },
        ],
      },
      { metric: 'size', direction: 'minimize' },
    ]
    const points = [
      { accuracy: 0.9, size: 9, memory: 3 },
      { accuracy: 0.7, size: 9, memory: 1 },
      { accuracy: 0.6, size: 3, memory: 1 },
      { accuracy: 0.5, size: 4, memory: 2 },
    ]
    const of = (objectives: Objective[]) =>
      resultOf('e', [
        accepted({ objectives, trials: points.length }),
        ...points.flatMap((metrics, trial) => [
          suggested(trial),
          assigned(trial),
          ended(trial, { kind: 'done', metrics }),
        ]),
        over(),
      ])
    const result = of(limited)
    expect(result.trials.map(({ breaks }) => breaks)).toEqual([['memory <= 2'], undefined, ['size >= 4'], undefined])
    expect(result.constraints).toEqual({ kept: 2, broken: { 'memory <= 2': 1, 'size >= 4': 1 } })
    expect(result.pareto.map(({ trial }) => trial)).toEqual([1, 3])
    expect(result.mean).toBeCloseTo(0.6)
    expect(of(limited.slice(0, 1))).toMatchObject({ best: { trial: 1 }, worst: { trial: 3 } })
    expect(of([{ ...limited[0], limits: [{ metric: 'memory', atMost: 0 }] } as Objective])).toMatchObject({
      best: null,
      worst: null,
      mean: null,
      pareto: [],
      constraints: { kept: 0, broken: { 'memory <= 0': 4 } },
    })
  })

  it('tries a trial again after a crash and a lost worker, and fails it when its attempts are used up', () => {
    const events = [
      accepted({ trials: 1 }),
      suggested(0),
      assigned(0, 1),
      ended(0, crashed, 1),
      assigned(0, 2),
      lost(0, 2),
    ]
    expect(resultOf('e', events).trials[0]).toMatchObject({ state: 'queued', problem: { code: 'WORKER_LOST' } })
    const last = resultOf('e', [...events, assigned(0, 3), ended(0, crashed, 3)]).trials[0]
    expect(last).toMatchObject({ state: 'failed', attempts: 3, problem: { code: 'ATTEMPTS_EXHAUSTED' } })
  })

  it('counts an attempt once that was first lost and then said to have crashed', () => {
    const events = [
      accepted({ trials: 1, maxAttempts: 2 }),
      suggested(0),
      assigned(0, 1),
      lost(0, 1),
      ended(0, crashed, 1),
    ]
    expect(resultOf('e', events).trials[0]?.state).toBe('queued')
  })

  it('takes the first final outcome of a trial, be it from an attempt that was given up for lost', () => {
    const events = [
      accepted({ trials: 1 }),
      suggested(0),
      assigned(0, 1),
      lost(0, 1),
      assigned(0, 2),
      ended(0, done(0.7), 1),
      ended(0, done(0.1), 2),
    ]
    expect(resultOf('e', events).trials[0]).toMatchObject({ state: 'done', metrics: { accuracy: 0.7 }, attempt: 1 })
  })

  it('does not charge a trial for an attempt that was handed back', () => {
    const back: AttemptOutcome = { kind: 'returned', reason: 'draining' }
    const events = [accepted({ trials: 1, maxAttempts: 1 }), suggested(0), assigned(0, 1), ended(0, back, 1)]
    expect(resultOf('e', events).trials[0]).toMatchObject({ state: 'queued', attempts: 0 })
  })

  it('counts what was open when the experiment was stopped as cancelled, until it is resumed', () => {
    const events = [accepted({ trials: 2 }), suggested(0), assigned(0), over('stopped')]
    expect(resultOf('e', events)).toMatchObject({ state: 'stopped', counts: { cancelled: 1, running: 0 } })
    const resumed = resultOf('e', [...events, { type: 'experiment.resumed', at: 200 }])
    expect(resumed).toMatchObject({ state: 'running', counts: { cancelled: 0, queued: 1 }, endedAt: null })
  })

  it('says why an experiment failed', () => {
    const fault = { code: 'OPTIMIZER_UNFIT', message: 'no' }
    const result = resultOf('e', [
      accepted({ trials: 1 }),
      { type: 'experiment.failing', at: 1, problem: fault },
      over('failed'),
    ])
    expect(result).toMatchObject({ state: 'failed', problem: fault })
  })

  it('knows how busy the slots were', () => {
    const result = resultOf('e', [
      accepted({ trials: 2 }),
      suggested(0),
      assigned(0),
      ended(0, done(1), 1, { startedAt: 0, endedAt: 40 }),
      suggested(1),
      assigned(1),
      ended(1, done(1), 1, { startedAt: 50, endedAt: 100 }),
    ])
    expect(result.utilization).toBeCloseTo(0.9)
  })

  it('has the whole hparams of a trial, those that the context fixed too, and knows which were searched', () => {
    const event = accepted({ trials: 1 })
    if (event.type === 'experiment.accepted') event.submission.context.hparams = { epochs: 2 }
    const result = resultOf('e', [event, suggested(0, { lr: 0.5 })])
    expect(result.trials[0]?.hparams).toEqual({ lr: 0.5, epochs: 2 })
    expect(searchedHparams(result, result.trials[0]!)).toEqual({ lr: 0.5 })
  })

  it('ignores events of trials that were never suggested', () => {
    expect(resultOf('e', [accepted({ trials: 1 }), ended(7, done(1))]).trials).toEqual([])
  })
})
