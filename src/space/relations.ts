/**
 * How parameters hang together: conditions (one is there only where another has certain values) and constraints between numbers.
 * I1 Parents come before their children, in whatever order the space names them; without conditions the order is the space's own.
 * I2 A constraint holds wherever one of its parameters is not there.
 */
import type { Constraint, HparamValue, Parameter, SearchSpace } from '../../protocol/index.ts'

interface NamedParameter {
  readonly name: string
  readonly parameter: Parameter
}

interface PlacedConstraint {
  /** The parameter that it is written on. */
  readonly name: string
  readonly index: number
  readonly constraint: Constraint
}

export interface Relations {
  /** Parents first (I1). */
  readonly order: readonly NamedParameter[]
  readonly conditional: boolean
  readonly constraints: readonly PlacedConstraint[]
}

const kept = new WeakMap<SearchSpace, Relations>()

/** The relations of a space, worked out once. The space must be valid, and never change. */
export function relationsOf(space: SearchSpace): Relations {
  const known = kept.get(space)
  if (known !== undefined) return known
  const entries = Object.entries(space)
  const relations: Relations = {
    order: inOrder(space),
    conditional: entries.some(([, { when }]) => when !== undefined),
    constraints: entries.flatMap(([name, { where = [] }]) =>
      where.map((constraint, index) => ({ name, index, constraint })),
    ),
  }
  kept.set(space, relations)
  return relations
}

/** Parents first; what hangs on itself, or on what is not there, is left out. */
function inOrder(space: SearchSpace): NamedParameter[] {
  const order: NamedParameter[] = []
  const placed = new Set<string>()
  let left = Object.entries(space)
  while (left.length > 0) {
    const later: [string, Parameter][] = []
    for (const [name, parameter] of left) {
      if (parameter.when === undefined || placed.has(parameter.when.parameter)) {
        order.push({ name, parameter })
        placed.add(name)
      } else later.push([name, parameter])
    }
    if (later.length === left.length) return order
    left = later
  }
  return order
}

/** Whether a parameter is there, beside the values of its parents; what is not there has no value in `values`. */
export function isActive({ when }: Parameter, values: Readonly<Record<string, unknown>>): boolean {
  if (when === undefined) return true
  return Object.hasOwn(values, when.parameter) && when.in.includes(values[when.parameter] as never)
}

/** Numbers that a constraint names, by name. */
export const factorsOf = (constraint: Constraint): Readonly<Record<string, number>> =>
  'sum' in constraint ? constraint.sum : constraint.product

/** What the sum or the product comes to; undefined where one of its parameters is not there. */
function measure(
  constraint: Constraint,
  values: Readonly<Record<string, HparamValue | undefined>>,
): number | undefined {
  const isSum = 'sum' in constraint
  let total = isSum ? 0 : 1
  for (const [name, factor] of Object.entries(factorsOf(constraint))) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (typeof value !== 'number') return undefined
    if (isSum) total += factor * value
    else total *= value ** factor
  }
  return total
}

/** Rounding of decimals is no fault: 0.1 + 0.2 is at most 0.3. */
const slack = (bound: number): number => 1e-12 * Math.max(1, Math.abs(bound))

/** Why values break the first constraint that they break (I2); undefined if they break none. */
export function broken(
  space: SearchSpace,
  values: Readonly<Record<string, HparamValue | undefined>>,
): { readonly name: string; readonly reason: string } | undefined {
  for (const { name, constraint } of relationsOf(space).constraints) {
    const total = measure(constraint, values)
    if (total === undefined) continue
    const { atLeast = -Infinity, atMost = Infinity } = constraint
    // Not a number breaks it too.
    if (total >= atLeast - slack(atLeast) && total <= atMost + slack(atMost)) continue
    return { name, reason: `breaks a constraint: ${told(constraint)} is ${Number(total.toPrecision(12))}` }
  }
  return undefined
}

/** `1 * a + -1 * b <= 0` */
function told(constraint: Constraint): string {
  const terms = Object.entries(factorsOf(constraint))
  const { atLeast, atMost } = constraint
  const text =
    'sum' in constraint
      ? terms.map(([name, factor]) => (factor === 1 ? name : `${factor} * ${name}`)).join(' + ')
      : terms.map(([name, power]) => (power === 1 ? name : `${name} ** ${power}`)).join(' * ')
  const bounds = [
    ...(atLeast === undefined ? [] : [`>= ${atLeast}`]),
    ...(atMost === undefined ? [] : [`<= ${atMost}`]),
  ]
  return `${text} ${bounds.join(' and ')}`
}
