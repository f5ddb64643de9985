/**
 * A space in which some values are fixed: for trials of which a user gives a part.
 * I1 Its points are the points of the space that have the fixed values.
 */
import type { HparamValue, Hparams, Parameter, SearchSpace } from '../../protocol/index.ts'
import { scarcity, told } from './acceptance.ts'
import { contains, type Fault } from './hparams.ts'
import { indexOf, reasonAgainst, show } from './parameter.ts'
import { isActive, relationsOf } from './relations.ts'

export type Fixed =
  { readonly kind: 'space'; readonly space: SearchSpace } | { readonly kind: 'fault'; readonly fault: Fault }

/**
 * The space with these values fixed. The parent of a fixed parameter is narrowed to the values under which that parameter is active.
 * A fault if no point of the space is found that has these values.
 */
export function fixedTo(space: SearchSpace, given: unknown, path: string): Fixed {
  const fault = (name: string, reason: string): Fixed => ({ kind: 'fault', fault: { path: `${path}.${name}`, reason } })
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return { kind: 'fault', fault: { path, reason: 'is not a map of values by name' } }
  }
  const values = given as Readonly<Record<string, unknown>>
  const narrowed = new Map<string, Parameter>()
  for (const [name, value] of Object.entries(values)) {
    const parameter = Object.hasOwn(space, name) ? space[name] : undefined
    if (parameter === undefined)
      return fault(name, `is not in the search space; there are ${Object.keys(space).join(', ')}`)
    const reason = reasonAgainst(parameter, value)
    if (reason !== undefined) return fault(name, reason)
    narrowed.set(name, oneOf(parameter, [value as HparamValue]))
  }
  // Children before their parents, so that a parent is narrowed by all that need it.
  for (const { name, parameter } of relationsOf(space).order.toReversed()) {
    const { when } = parameter
    if (when === undefined || !narrowed.has(name)) continue
    const parent = space[when.parameter] as Parameter
    const before = narrowed.get(when.parameter)
    const left = when.in.filter((value) => before === undefined || indexOf(before, value) !== undefined)
    if (left.length > 0) {
      narrowed.set(when.parameter, oneOf(parent, left))
      continue
    }
    const is = Object.hasOwn(values, when.parameter) ? `is ${show(values[when.parameter])}` : 'cannot be so here'
    const wanted = when.in.map(show).join(' or ')
    return fault(name, `is only there when ${when.parameter} is ${wanted}, but that ${is}: leave it out`)
  }
  const made: SearchSpace = {}
  for (const [name, parameter] of Object.entries(space)) made[name] = narrowed.get(name) ?? parameter
  const scarce = relationsOf(made).constraints.length === 0 ? undefined : scarcity(made)
  if (scarce === undefined) return { kind: 'space', space: made }
  const reason = `fixes values beside which the constraints leave nothing else to choose: ${told(scarce)}`
  return { kind: 'fault', fault: { path, reason } }
}

/** Suggested hparams with the fixed values put in, whatever the suggester made of those. */
export const withFixed = (space: SearchSpace, fixed: Hparams, hparams: Hparams): Hparams =>
  contains(space, fixed) ? fixed : { ...hparams, ...fixed }

/** The only point of a space in which nothing is left to choose; undefined if something is. */
export function onlyPoint(space: SearchSpace): Hparams | undefined {
  const values: Hparams = {}
  for (const { name, parameter } of relationsOf(space).order) {
    if (!isActive(parameter, values)) continue
    if (parameter.type !== 'constant') return undefined
    values[name] = parameter.value
  }
  return Object.fromEntries(
    Object.keys(space).flatMap((name) => (Object.hasOwn(values, name) ? [[name, values[name] as HparamValue]] : [])),
  )
}

/** The parameter with only these of its values. */
function oneOf(parameter: Parameter, values: readonly HparamValue[]): Parameter {
  const { when, where } = parameter
  const relations = { ...(when === undefined ? {} : { when }), ...(where === undefined ? {} : { where }) }
  const [value] = values
  if (values.length === 1 && value !== undefined) return { type: 'constant', value, ...relations }
  if (parameter.type === 'categorical') return { ...parameter, choices: [...values] as typeof parameter.choices }
  return { type: 'discrete', values: values.map(Number), ...relations }
}
