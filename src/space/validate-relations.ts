/** The conditions and constraints of a search space that came from outside, checked with the path of the first fault. */
import type { Static, TSchema } from 'typebox'
import {
  check,
  Condition,
  Constraint,
  isProblem,
  problem,
  type Parameter,
  type SearchSpace,
} from '../../protocol/index.ts'
import { scarcity } from './acceptance.ts'
import { indexOf, reasonAgainst, show } from './parameter.ts'
import { factorsOf, relationsOf } from './relations.ts'

const fault = (path: string, reason: string) => problem('SPACE_INVALID', { path, reason })

type Relations = Pick<Parameter, 'when' | 'where'>

/** `when` and `where` of one parameter, by their form alone. */
export function relationsIn(given: Readonly<Record<string, unknown>>, path: string): Relations {
  const { when, where } = given
  if (where !== undefined && !Array.isArray(where)) throw fault(`${path}.where`, `is ${show(where)}, not a list`)
  return {
    ...(when === undefined ? {} : { when: conditionIn(when, `${path}.when`) }),
    ...(where === undefined
      ? {}
      : { where: where.map((each, index) => constraintIn(each, `${path}.where[${index}]`)) }),
  }
}

function conditionIn(given: unknown, path: string): Condition {
  const valid = formed(Condition, given, path, 'not { parameter: name, in: [value, …] }')
  for (const key of Object.keys(valid)) {
    if (key !== 'parameter' && key !== 'in') throw fault(`${path}.${key}`, 'is unknown; there are parameter, in')
  }
  return { parameter: valid.parameter, in: [...valid.in] }
}

function constraintIn(given: unknown, path: string): Constraint {
  const valid = formed(Constraint, given, path, 'not { sum | product: { name: factor }, atLeast, atMost }')
  for (const key of Object.keys(valid)) {
    if (!['sum', 'product', 'atLeast', 'atMost'].includes(key)) {
      throw fault(`${path}.${key}`, 'is unknown; there are sum, product, atLeast, atMost')
    }
  }
  if ('sum' in valid && 'product' in valid) throw fault(path, 'has a sum and a product: write two of them')
  const { atLeast, atMost } = valid
  if (atLeast === undefined && atMost === undefined) throw fault(path, 'has no bound: give atLeast or atMost')
  if (Object.keys(factorsOf(valid)).length === 0) throw fault(path, 'names no parameter')
  const bounds = { ...(atLeast === undefined ? {} : { atLeast }), ...(atMost === undefined ? {} : { atMost }) }
  return 'sum' in valid ? { sum: { ...valid.sum }, ...bounds } : { product: { ...valid.product }, ...bounds }
}

function formed<S extends TSchema>(schema: S, given: unknown, path: string, reason: string): Static<S> {
  try {
    return check(schema, given, path)
  } catch (error) {
    if (!isProblem(error, 'MESSAGE_INVALID')) throw error
    throw fault(path, `is ${show(given)}, ${reason}`)
  }
}

const isNumeric = (parameter: Parameter): boolean =>
  parameter.type !== 'categorical' && (parameter.type !== 'constant' || typeof parameter.value === 'number')

/** The relations of a space whose parameters are valid one by one. Throws SPACE_INVALID. */
export function validateRelations(space: SearchSpace, path: string): void {
  for (const [name, { when, where = [] }] of Object.entries(space)) {
    if (when !== undefined) validateCondition(space, when, `${path}.${name}.when`)
    for (const [index, constraint] of where.entries()) {
      const at = `${path}.${name}.where[${index}]`
      for (const other of Object.keys(factorsOf(constraint))) {
        const parameter = Object.hasOwn(space, other) ? space[other] : undefined
        if (parameter === undefined) throw fault(at, `names ${show(other)}, which is not in the search space`)
        if (!isNumeric(parameter)) throw fault(at, `names ${show(other)}, which is not a number`)
      }
    }
  }
  const { order, constraints } = relationsOf(space)
  const placed = new Set(order.map(({ name }) => name))
  for (const name of Object.keys(space)) {
    if (!placed.has(name)) throw fault(`${path}.${name}.when`, 'goes round in a circle: it hangs on itself')
  }
  if (constraints.length === 0) return
  const scarce = scarcity(space)
  if (scarce === undefined) return
  const { kind, of } = scarce
  const { name } = constraints[0] as { name: string }
  const reason =
    kind === 'counted'
      ? `leaves nothing: none of the ${of} points keeps all constraints`
      : `leaves nothing that could be found: none of ${of} points by chance keeps all constraints (an estimate, for there are too many points to count); choose narrower ranges, or search for a difference or a ratio of two parameters in place of one of them`
  throw fault(`${path}.${name}.where`, reason)
}

function validateCondition(space: SearchSpace, { parameter: name, in: values }: Condition, path: string): void {
  const parent = Object.hasOwn(space, name) ? space[name] : undefined
  if (parent === undefined) throw fault(`${path}.parameter`, `is ${show(name)}, which is not in the search space`)
  if (parent.type === 'double' && parent.step === undefined) {
    throw fault(`${path}.parameter`, `is ${show(name)}, a double without a step: it never has one value exactly`)
  }
  for (const [index, value] of values.entries()) {
    if (indexOf(parent, value) !== undefined) continue
    throw fault(`${path}.in[${index}]`, reasonAgainst(parent, value) ?? `is ${show(value)}, none of ${name}'s values`)
  }
}
