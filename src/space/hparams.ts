/** A search space and the hparams in it. */
import { problem, type Hparams, type Parameter, type SearchSpace } from '../../protocol/index.ts'
import { countOf, reasonAgainst, show } from './parameter.ts'
import { broken, isActive, relationsOf } from './relations.ts'

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
    const reason = isActive(parameter, given)
      ? missingOr(parameter, given, name)
      : presentAgainst(parameter, given, name)
    if (reason !== undefined) return { path: `${path}.${name}`, reason }
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(space, name)) return { path: `${path}.${name}`, reason: 'is not in the search space' }
  }
  const fault = broken(space, hparams as Hparams)
  return fault === undefined ? undefined : { path: `${path}.${fault.name}`, reason: fault.reason }
}

const missingOr = (parameter: Parameter, given: Readonly<Record<string, unknown>>, name: string) =>
  Object.hasOwn(given, name) ? reasonAgainst(parameter, given[name]) : 'is missing'

function presentAgainst({ when }: Parameter, given: Readonly<Record<string, unknown>>, name: string) {
  if (!Object.hasOwn(given, name) || when === undefined) return undefined
  const parent = Object.hasOwn(given, when.parameter) ? `is ${show(given[when.parameter])}` : 'is not there'
  return `is only there when ${when.parameter} is ${when.in.map(show).join(' or ')}, but that ${parent}: leave it out`
}

/**
 * The fault of hparams as a point of a search space, with its path (`lr`); undefined: they are valid. An
 * optimizer of one's own can check hparams that come from elsewhere, and mend them, before it suggests them.
 */
export function validate(space: SearchSpace, hparams: unknown): Fault | undefined {
  const fault = faultIn(space, hparams)
  return fault === undefined ? undefined : { ...fault, path: fault.path.replace(/^hparams\.?/, '') }
}

export function contains(space: SearchSpace, hparams: unknown): boolean {
  return faultIn(space, hparams) === undefined
}

/** The same text for the same point, whatever else is among the hparams. */
export function pointKeys(space: SearchSpace): (hparams: Hparams) => string {
  const names = Object.keys(space)
  return (hparams) => JSON.stringify(names.map((name) => (Object.hasOwn(hparams, name) ? [hparams[name]] : [])))
}

/** Throws HPARAMS_INVALID with the path of the first fault. */
export function validateHparams(space: SearchSpace, hparams: unknown, path = 'hparams'): Hparams {
  const fault = faultIn(space, hparams, path)
  if (fault !== undefined) throw problem('HPARAMS_INVALID', { path: fault.path, reason: fault.reason })
  return hparams as Hparams
}

/** How many different hparams there are, constraints aside; Infinity with a double that has no step. */
export function cardinality(space: SearchSpace): number {
  const { order, conditional } = relationsOf(space)
  if (!conditional) return order.reduce((product, { parameter }) => product * countOf(parameter), 1)
  const below = (name: string, parameter: Parameter): number => {
    const children = order.filter(({ parameter: { when } }) => when?.parameter === name)
    const count = countOf(parameter)
    if (children.length === 0) return count
    const counts = children.map((child) => ({ child, count: below(child.name, child.parameter) }))
    // Values that no condition names have no children.
    const named = [...new Set(children.flatMap(({ parameter: { when } }) => when?.in ?? []))]
    return named.reduce<number>((sum, value) => {
      const there = counts.filter(({ child }) => isActive(child.parameter, { [name]: value }))
      return sum + there.reduce((product, { count }) => product * count, 1) - 1
    }, count)
  }
  const roots = order.filter(({ parameter: { when } }) => when === undefined)
  return roots.reduce((product, { name, parameter }) => product * below(name, parameter), 1)
}
