/** Numbers that user code is told, or tells: their means over all ranks. */
import { problem, type Metrics } from '../../protocol/index.ts'
import { asWritten } from './fuse.ts'
import type { GradientSteps } from './gradients.ts'
import type { Membership } from './membership.ts'
import type { Fuse } from './replica.ts'

export interface Averages {
  /** Of a report. Undefined: this point was reported before this member came. */
  readonly report: (values: Metrics) => Metrics | undefined
  /** Of what train returned. Throws GRADIENT_MISSING. */
  readonly result: (values: Readonly<Record<string, number>>) => Record<string, number>
}

export function createAverages(options: {
  readonly membership: Membership
  readonly steps: GradientSteps
  readonly fuse: Fuse
}): Averages {
  const { membership, steps, fuse } = options

  function averageNumbers(values: Metrics, weight: number): Record<string, number | null> | undefined {
    const names = Object.keys(values).sort()
    const key = `numbers ${names.join(' ')}`
    const vector = fuse.vectorFor(key, names.length)
    for (const [at, name] of names.entries()) vector[at] = values[name] ?? NaN
    const got = membership.reduce(vector, weight, key)
    if (got === undefined) return undefined
    return Object.fromEntries(
      names.map((name, at) => [name, asWritten(got.vector[at] as number, values[name] ?? null)]),
    )
  }

  return {
    report: (values) => {
      // Before its first gradient a member has nobody to ask.
      if (!membership.hasBegun) return values
      steps.settle()
      membership.enter()
      return averageNumbers(values, steps.samplesToReport())
    },
    result: (values) => {
      if (!membership.hasBegun) throw problem('GRADIENT_MISSING', {})
      steps.settle()
      membership.enter()
      const means = averageNumbers(values, 1)
      return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, means?.[name] ?? value]))
    },
  }
}
