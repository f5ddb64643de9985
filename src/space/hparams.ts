/** A search space and the hparams in it. */
import { problem, type Hparams, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { countOf, fromUnit, reasonAgainst } from './parameter.ts'

/** One point of the space, each parameter by its own law, independently. */
export function sample(space: SearchSpace, random: Random): Hparams {
  const hparams: Hparams = {}
  for (const [name, parameter] of Object.entries(space)) hparams[name] = fromUnit(parameter, random.uniform())
  return hparams
}

export interface Fault {
  readonly path: string
  readonly reason: string
}

/** The first thing that is wrong with hparams as a point of the space; undefined if nothing is. */
export function faultIn(space: SearchSpace, hparams: unknown, path = 'hparams'): Fault | undefined {
  if (typeof hparams !== 'object' || hparams === null || Array.isArray(hparams)) {
    return { path, reason: 'is not a map of values by name' }
  }
  const given = hparams as Readonly<Record<string, unknown>>
  for (const [name, parameter] of Object.entries(space)) {
    const reason = Object.hasOwn(given, name) ? reasonAgainst(parameter, given[name]) : 'is missing'
    if (reason !== undefined) return { path: `${path}.${name}`, reason }
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(space, name)) return { path: `${path}.${name}`, reason: 'is not in the search space' }
  }
  return undefined
}

export function contains(space: SearchSpace, hparams: unknown): boolean {
  return faultIn(space, hparams) === undefined
}

/** Throws HPARAMS_INVALID with the path of the first fault. */
export function validateHparams(space: SearchSpace, hparams: unknown, path = 'hparams'): Hparams {
  const fault = faultIn(space, hparams, path)
  if (fault !== undefined) throw problem('HPARAMS_INVALID', { path: fault.path, reason: fault.reason })
  return hparams as Hparams
}

/** How many different hparams there are; Infinity with a double that has no step. */
export function cardinality(space: SearchSpace): number {
  return Object.values(space).reduce((product, parameter) => product * countOf(parameter), 1)
}
