/**
 * Quasi-random search: a scrambled Sobol sequence, which fills the space more evenly than random points. Each parameter is a dimension.
 * The sampler numbers its points by how often it was asked, so an enqueued trial costs no point. Points that break a constraint are
 * skipped.
 */
import type { Hparams, HparamValue, SearchSpace } from '../../protocol/index.ts'
import { acceptance, countOf, fromUnit, keeps, relationsOf, sample, valueAt, withoutInactive } from '../space/index.ts'
import { createRandom } from '../random/index.ts'
import { refuseUnknown, unfit } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'
import { mostDimensions, sobolSequence } from './sobol-sequence.ts'

/** Where the constraints keep a smaller share of the points, too much of the sequence would be skipped: points are drawn at random. */
const fewest = 0.01

/** The index-th point of a Sobol sequence over a space. The space must have at most `mostDimensions` parameters that vary. */
export function sobolPoints(space: SearchSpace, seed: number): (index: number) => Hparams {
  const varying = varyingOf(space)
  const sequence = sobolSequence(varying.length, seed)
  const { constraints } = relationsOf(space)
  const at = (index: number): Hparams => {
    const point = sequence(index)
    const values: Record<string, HparamValue> = {}
    for (const [name, parameter] of Object.entries(space)) {
      if (countOf(parameter) === 1) values[name] = valueAt(parameter, 0)
    }
    for (const [column, name] of varying.entries()) {
      values[name] = fromUnit(space[name] as SearchSpace[string], point[column] as number)
    }
    return withoutInactive(space, values)
  }
  if (constraints.length === 0) return at
  const { kept: left, of } = acceptance(space)
  if (left < fewest * of) return (index) => sample(space, createRandom(seed, 'sobol', index))
  /** Which points of the sequence keep the constraints, as far as they were looked for. */
  const kept: number[] = []
  return (index) => {
    for (let next = (kept.at(-1) ?? -1) + 1; kept.length <= index; next++) {
      if (keeps(space, at(next))) kept.push(next)
    }
    return at(kept[index] as number)
  }
}

/** Whether a Sobol sequence has enough dimensions. */
export const fitsSobol = (space: SearchSpace): boolean => varyingOf(space).length <= mostDimensions

const varyingOf = (space: SearchSpace): string[] =>
  Object.entries(space)
    .filter(([, parameter]) => countOf(parameter) > 1)
    .map(([name]) => name)

export const sobolSampler: SamplerPlugin = {
  name: 'sobol',
  adaptive: false,
  create({ space, options, seed }) {
    refuseUnknown('sobol', options, [])
    if (!fitsSobol(space)) {
      throw unfit('sobol', 'space', `has more than ${mostDimensions} parameters that vary; \`random\` takes any number`)
    }
    const points = sobolPoints(space, seed)
    return ({ trial, point = trial }) => points(point)
  },
}
