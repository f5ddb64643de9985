import { describe, expect, it } from 'vitest'
import { Improvement } from '../../src/history/stop-rules.ts'

const of = (
  objectives: { metric: string; direction: 'minimize' | 'maximize' }[],
  stop: object,
  ...values: object[]
) => {
  const improvement = new Improvement({ objectives, stop })
  return values.map((metrics) => {
    improvement.settled('done', metrics as Record<string, number | null>)
    return improvement.conclusion
  })
}
const minimize = [{ metric: 'a', direction: 'minimize' as const }]
const maximize = [{ metric: 'a', direction: 'maximize' as const }]

describe('a stop rule', () => {
  it('is met at a value that is good enough, in both directions', () => {
    expect(of(minimize, { target: 1 }, { a: 2 }, { a: null }, { a: 1 })).toEqual([null, null, 'target'])
    expect(of(maximize, { target: 1 }, { a: 0 }, { a: 1.5 })).toEqual([null, 'target'])
    expect(of(maximize, { target: -3 }, { a: -4 }, { a: -3 })).toEqual([null, 'target'])
  })

  it('is met after so many trials in a row that were no better', () => {
    const rule = { withoutImprovement: 2 }
    expect(of(maximize, rule, { a: 1 }, { a: 1 }, { a: 2 }, { a: null }, { a: 2 })).toEqual([
      null,
      null,
      null,
      null,
      'no-improvement',
    ])
  })

  it('with several objectives takes for better whatever no trial beats', () => {
    const two = [...minimize, { metric: 'b', direction: 'maximize' as const }]
    const front = [
      { a: 2, b: 2 },
      { a: 1, b: 1 },
      { a: 1.5, b: 1.5 },
    ]
    expect(of(two, { withoutImprovement: 1 }, ...front, { a: 1.5, b: 1.4 })).toEqual([
      null,
      null,
      null,
      'no-improvement',
    ])
  })

  it('counts pruned trials among those that were no better, and failed ones not at all', () => {
    const improvement = new Improvement({ objectives: minimize, stop: { withoutImprovement: 1 } })
    improvement.settled('done', { a: 1 })
    improvement.settled('failed', {})
    expect(improvement.conclusion).toBe(null)
    improvement.settled('pruned', { a: 0 })
    expect(improvement.conclusion).toBe('no-improvement')
    improvement.startOver()
    expect(improvement.conclusion).toBe(null)
  })
})
