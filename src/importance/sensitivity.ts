/**
 * How much of a function's variance over a whole space each parameter is for (I. Sobol, 1993; F. Hutter et al., "An Efficient Approach for
 * Assessing Hyperparameter Importance", 2014), where its parameters vary as random search has them. Where a search looked is nothing to it.
 */
import type { HparamValue, Hparams, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../random/index.ts'
import { mostDimensions, sobolSequence } from '../samplers/index.ts'
import { countOf, fromUnit, keeps, relationsOf, withoutInactive } from '../space/index.ts'

/** A point at which functions are looked at: for each of them its value. */
export type Functions = (hparams: Hparams) => Float64Array

/** Points that are looked at, about: for each parameter one more for each pair of points. */
const mostPoints = 1500
const pairs = { least: 24, most: 400 }
/** Where constraints keep fewer of the points, so many are drawn for each. */
const tries = 8

/** Parameters that vary with their shares, which add up to 1, by each function; NaN where a function does not vary. */
export function sharesIn(space: SearchSpace, functions: Functions): ReadonlyMap<string, readonly number[]> {
  const varying = Object.keys(space).filter((name) => countOf(space[name] as SearchSpace[string]) > 1)
  const count = Math.min(pairs.most, Math.max(pairs.least, Math.round(mostPoints / (varying.length + 2))))
  const drawn = pairsIn(space, count).map(([one, other]) => {
    const mixed = varying.map((name) => ({ ...one, [name]: other[name] as HparamValue }))
    return {
      one: functions(withoutInactive(space, one)),
      other: functions(withoutInactive(space, other)),
      mixed: mixed.map((values) => {
        const hparams = withoutInactive(space, values)
        return keeps(space, hparams) ? functions(hparams) : undefined
      }),
    }
  })
  const random = createRandom('sensitivity pairs')
  const size = drawn[0]?.one.length ?? 0
  const byFunction = Array.from({ length: size }, (_, which) => {
    // So that the shares are no surer than so many pairs allow (bootstrap).
    const picked = drawn.map(() => drawn[random.integer(drawn.length)] as (typeof drawn)[number])
    const both = picked.flatMap(({ one, other }) => [one[which] as number, other[which] as number])
    const middle = both.reduce((sum, value) => sum + value / both.length, 0)
    const variance = both.reduce((sum, value) => sum + (value - middle) ** 2 / both.length, 0)
    const effects = varying.map((_name, index) => {
      let [near, far, kept] = [0, 0, 0]
      for (const { one, other, mixed } of picked) {
        const between = mixed[index]?.[which]
        if (between === undefined) continue
        near += (between - (one[which] as number)) ** 2
        far += (between - (other[which] as number)) ** 2
        kept++
      }
      if (kept === 0) return 0
      // M. Jansen, "Analysis of Variance Designs for Model Output", 1999: with all that it acts in, and alone.
      const total = near / (2 * kept)
      const alone = Math.min(total, Math.max(0, variance - far / (2 * kept)))
      // Of what two do together each has a half, as by Shapley (A. Owen, "Sobol' Indices and Shapley Value", 2014).
      return (alone + total) / 2
    })
    const sum = effects.reduce((all, effect) => all + effect, 0)
    return effects.map((effect) => effect / sum)
  })
  return new Map(varying.map((name, index) => [name, byFunction.map((shares) => shares[index] as number)]))
}

/** Pairs of points that keep the constraints, with the values of inactive parameters; any, where hardly one does. */
function pairsIn(space: SearchSpace, count: number): readonly (readonly [Hparams, Hparams])[] {
  const parameters = Object.entries(space)
  const dimensions = 2 * parameters.length
  const sequence = dimensions <= mostDimensions ? sobolSequence(dimensions, 0) : undefined
  const all = Array.from({ length: tries * count }, (_pair, index) => {
    const random = createRandom('sensitivity', index)
    const units = sequence?.(index) ?? Array.from({ length: dimensions }, () => random.uniform())
    const at = (from: number) =>
      Object.fromEntries(
        parameters.map(([name, parameter], i) => [name, fromUnit(parameter, units[from + i] as number)]),
      )
    return [at(0), at(parameters.length)] as const
  })
  if (relationsOf(space).constraints.length === 0) return all.slice(0, count)
  const kept = all.filter((pair) => pair.every((values) => keeps(space, withoutInactive(space, values))))
  return (kept.length < pairs.least ? all : kept).slice(0, count)
}
