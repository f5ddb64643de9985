import { describe, expect, it, test } from 'vitest'
import { optimization, space } from '../../src/index.ts'
import { proposalFor } from '../../src/pruners/index.ts'

const lr = space.double(0, 1)
const good = { space: { lr }, trials: 12, metric: 'loss', direction: 'minimize' as const }
const size = { metric: 'size', direction: 'minimize' as const }
/** After how many trials of so many reports it is proposed; undefined: not after twenty. */
function after(options: object, points = 4, metric = 'loss'): number | undefined {
  const { context } = optimization({ ...good, ...options })
  const proposal = proposalFor(context)
  for (let trial = 1; trial <= 20; trial += 1) {
    if (proposal?.(points, { [metric]: 0.5 }) !== undefined) return trial
  }
  return undefined
}

describe('a pruner is proposed', () => {
  it('to a search by auto, once four trials have reported the objective on the way', () => {
    expect(after({})).toBe(4)
    expect(proposalFor(optimization(good).context)?.(3, { loss: 1 })).toBeUndefined()
  })

  test.each([
    ['a pruner that is named', { pruner: 'median' }],
    ["'none'", { pruner: 'none' }],
    ['another optimizer', { optimizer: 'tpe' }],
    ['repeats', { repeats: 2 }],
    ['rings', { workersPerTrial: 2 }],
    ['few trials', { trials: 11 }],
  ])('not beside %s', (_, given) => {
    expect(after(given)).toBeUndefined()
  })

  it('not for several objectives, for reports of something else, or for trials that report little', () => {
    const { metric, direction, ...rest } = good
    const { context } = optimization({ ...rest, objectives: [{ metric, direction }, size] })
    expect(proposalFor(context)).toBeNull()
    expect(after({}, 4, 'accuracy')).toBeUndefined()
    expect(after({}, 3)).toBeUndefined()
  })
})
