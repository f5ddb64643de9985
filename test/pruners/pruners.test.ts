import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Direction } from '../../protocol/index.ts'
import { createPruner, type ReportedTrial } from '../../src/pruners/index.ts'

type Values = readonly (number | null)[]

const trial = (number: number, values: Values, state: ReportedTrial['state'] = 'done', first = 0): ReportedTrial => ({
  trial: number,
  state,
  points: values.map((value, index) => ({ step: first + index, at: 0, values: { value } })),
})

const pruner = (name: string, options: Record<string, unknown> = {}, direction: Direction = 'minimize') =>
  createPruner({ name, options }, [{ metric: 'value', direction }])

const running = (values: Values, first = 0) => trial(99, values, 'running', first)

describe('the median rule', () => {
  /** Constant curves at 1 … count. */
  const flat = (count: number, length = 5) =>
    Array.from({ length: count }, (_, index) =>
      trial(
        index,
        Array.from({ length }, () => index + 1),
      ),
    )

  it('stops a trial whose best is worse than the median of the means', () => {
    const rule = pruner('median')
    // The median of 1 … 11 is 6.
    expect(rule(flat(11), running([6.1, 7]))).toBe('stop')
    expect(rule(flat(11), running([6, 7]))).toBe('continue')
    expect(rule(flat(11), running([5, 100]))).toBe('continue')
  })

  it('turns round when the metric is maximized', () => {
    const rule = pruner('median', {}, 'maximize')
    expect(rule(flat(11), running([5.9, 1]))).toBe('stop')
    expect(rule(flat(11), running([6.1, 1]))).toBe('continue')
  })

  it('waits until more than minFinished trials have finished', () => {
    expect(pruner('median')(flat(10), running([100]))).toBe('continue')
    expect(pruner('median')(flat(11), running([100]))).toBe('stop')
    expect(pruner('median', { minFinished: 0 })(flat(1), running([100]))).toBe('stop')
  })

  it('counts pruned trials as finished, and failed, cancelled and running ones not', () => {
    const rule = pruner('median', { minFinished: 0 })
    for (const [state, verdict] of [
      ['pruned', 'stop'],
      ['failed', 'continue'],
      ['cancelled', 'continue'],
      ['running', 'continue'],
    ] as const) {
      expect(rule([trial(1, [1, 1], state)], running([100]))).toBe(verdict)
    }
  })

  it('compares with the values at the step if it is told to, where the mean lags behind', () => {
    const rising = [1, 2, 3].map((number) =>
      trial(
        number,
        [1, 2, 3].map((value) => value + number / 10),
      ),
    )
    // At the third report the values are 3.1, 3.2, 3.3, and the means 2.1, 2.2, 2.3.
    const maximize = (options: object) => pruner('median', { minFinished: 2, ...options }, 'maximize')
    expect(maximize({})(rising, running([0, 0, 2.5]))).toBe('continue')
    expect(maximize({ against: 'value' })(rising, running([0, 0, 2.5]))).toBe('stop')
    expect(maximize({ against: 'value' })(rising, running([0, 0, 3.2]))).toBe('continue')
    expect(maximize({ against: 'value' })(rising, running([0, 0, 0, 0]))).toBe('continue')
    // The pruned do not count there.
    const pruned = [...rising, ...[4, 5, 6].map((number) => trial(number, [9, 9, 9], 'pruned'))]
    expect(maximize({ against: 'value' })(pruned, running([0, 0, 3.2]))).toBe('continue')
    expect(maximize({})(pruned, running([0, 0, 3.2]))).toBe('stop')
    expect(() => maximize({ against: 'best' })).toThrow("pruner.options.against is \"best\"; it is 'mean' or 'value'")
  })

  it('compares at equal steps, not at equal numbers of reports', () => {
    const rule = pruner('median', { minFinished: 0 })
    // Mean up to step 1 is 10; up to step 3, which has later and better values, 5.5.
    const falling = trial(1, [10, 10, 1, 1])
    expect(rule([falling], running([9], 1))).toBe('continue')
    expect(rule([falling], running([9], 3))).toBe('stop')
  })

  it('looks only at trials that got as far', () => {
    const rule = pruner('median', { minFinished: 0 })
    expect(rule([trial(1, [0, 0])], running([9], 2))).toBe('continue')
    expect(rule([trial(1, [0, 0]), trial(2, [8, 8, 8])], running([8], 2))).toBe('continue')
  })

  it('takes the mean of the middle two of an even number', () => {
    const rule = pruner('median', { minFinished: 0 })
    expect(rule([trial(1, [1]), trial(2, [4])], running([2.5]))).toBe('continue')
    expect(rule([trial(1, [1]), trial(2, [4])], running([2.6]))).toBe('stop')
  })

  it('takes what is not finite as worse than any median, and leaves it out of means', () => {
    const rule = pruner('median', { minFinished: 0 })
    expect(rule([trial(1, [5])], running([null]))).toBe('stop')
    expect(rule([trial(1, [null, 5])], running([5], 1))).toBe('continue')
    expect(rule([trial(1, [null, null])], running([1e9], 1))).toBe('continue')
  })

  it('judges from startupSteps on, once in an interval', () => {
    const rule = pruner('median', { minFinished: 0, interval: 3, startupSteps: 2 })
    const history = [
      trial(
        1,
        Array.from({ length: 12 }, () => 0),
      ),
    ]
    const verdicts = Array.from({ length: 10 }, (_, step) =>
      rule(history, running(Array.from({ length: step + 1 }, () => 9))),
    )
    expect(verdicts.map((verdict) => verdict === 'stop')).toEqual(
      [0, 0, 1, 0, 0, 1, 0, 0, 1, 0].map((judged) => judged === 1),
    )
  })

  it('looks at the metric it is told to look at', () => {
    const told = { minFinished: 0, metric: 'loss', direction: 'maximize' }
    const points = (loss: number) => [{ step: 0, at: 0, values: { value: 0, loss } }]
    const history: ReportedTrial[] = [{ trial: 1, state: 'done', points: points(5) }]
    expect(pruner('median', told)(history, { trial: 2, state: 'running', points: points(4) })).toBe('stop')
    expect(pruner('median', told)(history, { trial: 2, state: 'running', points: points(6) })).toBe('continue')
  })

  it('agrees with the rule written out plainly, on any history', () => {
    const series = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 8 })
    const rule = pruner('median', { minFinished: 2 })
    fc.assert(
      fc.property(fc.array(series, { maxLength: 12 }), series, (histories, values) => {
        const history = histories.map((each, index) => trial(index, each))
        const step = values.length - 1
        const means = histories
          .filter((each) => each.length > step)
          .map((each) => each.slice(0, step + 1).reduce((sum, value) => sum + value, 0) / (step + 1))
          .toSorted((one, other) => one - other)
        const middle = means.length / 2
        const median = ((means[Math.ceil(middle) - 1] ?? 0) + (means[Math.floor(middle)] ?? 0)) / 2
        const stop = histories.length > 2 && means.length > 0 && Math.min(...values) > median
        expect(rule(history, running(values))).toBe(stop ? 'stop' : 'continue')
      }),
    )
  })
})

describe('the threshold', () => {
  it('stops what leaves the range; the edges are inside', () => {
    const rule = pruner('threshold', { lower: 0, upper: 1 })
    for (const [value, verdict] of [
      [0, 'continue'],
      [1, 'continue'],
      [-0.1, 'stop'],
      [1.1, 'stop'],
    ] as const) {
      expect(rule([], running([0.5, value]))).toBe(verdict)
    }
  })

  it('stops what is not finite, unless it is told not to', () => {
    expect(pruner('threshold')([], running([1, null]))).toBe('stop')
    expect(pruner('threshold', { nonFinite: 'continue' })([], running([1, null]))).toBe('continue')
  })

  it('lets a start-up pass', () => {
    expect(pruner('threshold', { upper: 1, startupSteps: 1 })([], running([9]))).toBe('continue')
    expect(pruner('threshold', { upper: 1, startupSteps: 1 })([], running([9, 9]))).toBe('stop')
  })
})

describe('a pruner that a context names', () => {
  it('is none for null', () => {
    expect(createPruner(null, [{ metric: 'value', direction: 'minimize' }])([], running([null]))).toBe('continue')
  })

  it('is refused if there is none of that name, with those that there are', () => {
    const message =
      'there is no pruner medium; there are none, auto, median, percentile, successive-halving, hyperband, patience, threshold, wilcoxon'
    expect(() => pruner('medium')).toThrow(expect.objectContaining({ code: 'PRUNER_UNKNOWN', message }))
  })

  const cases: [string, Record<string, unknown>, string][] = [
    ['median', { interval: 0 }, 'pruner.options.interval is 0, not a whole number of at least 1'],
    ['median', { minFinished: 1.5 }, 'pruner.options.minFinished is 1.5, not a whole number of at least 0'],
    ['median', { metric: '' }, 'pruner.options.metric is "", not the name of a number that train reports'],
    [
      'median',
      { metric: 'loss' },
      'pruner.options.direction is missing: loss is no objective, so say whether to minimize or to maximize it',
    ],
    ['median', { direction: 'down' }, "pruner.options.direction is \"down\"; it is 'minimize' or 'maximize'"],
    [
      'median',
      { finished: 1 },
      'pruner.options.finished is unknown; median has minFinished, against, interval, startupSteps, by, metric, direction',
    ],
    ['threshold', { lower: '0' }, 'pruner.options.lower is "0", not a finite number'],
    ['threshold', { lower: 2, upper: 1 }, 'pruner.options.lower is 2, above upper, which is 1'],
    ['threshold', { nonFinite: 'ignore' }, "pruner.options.nonFinite is \"ignore\"; it is 'stop' or 'continue'"],
  ]
  for (const [name, options, message] of cases) {
    it(`is refused: ${message}`, () => {
      expect(() => pruner(name, options)).toThrow(expect.objectContaining({ code: 'CONTEXT_INVALID', message }))
    })
  }
})
