/**
 * Relations between parameters: conditions (a parameter is active only where another one has certain values) and constraints.
 * I1 Parents come before their children, in whatever order the space names them; without conditions the order is the space's own.
 * I2 A constraint holds wherever one of its parameters is not active.
 */
import type { Constraint, HparamValue, Parameter, SearchSpace } from '../../protocol/index.ts'

interface NamedParameter {
  readonly name: string
  readonly parameter: Parameter
}

interface PlacedConstraint {
  /** The parameter that the constraint is an option of. */
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

/** Parents first. A parameter that depends on itself, or on one that does not exist, is left out. */
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

/** Whether a parameter is active, given its parents' values. A parameter that is not active has no value in `values`. */
export function isActive({ when }: Parameter, values: Readonly<Record<string, unknown>>): boolean {
  if (when === undefined) return true
  return Object.hasOwn(values, when.parameter) && when.in.includes(values[when.parameter] as never)
}

/** Numbers that a constraint names, by name. */
export const factorsOf = (constraint: Constraint): Readonly<Record<string, number>> =>
  'sum' in constraint ? constraint.sum : constraint.product

/** The value of the sum or the product, and how large the numbers are that it is made of. */
interface Measured {
  readonly total: number
  readonly size: number
}

type Numbers = Readonly<Record<string, HparamValue | undefined>>

/** undefined where one of its parameters is not active. */
function measure(constraint: Constraint, values: Numbers): Measured | undefined {
  const factors = factorsOf(constraint)
  const isSum = 'sum' in constraint
  let total = isSum ? 0 : 1
  let size = 0
  for (const name of Object.keys(factors)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (typeof value !== 'number') return undefined
    const factor = factors[name] as number
    if (isSum) {
      total += factor * value
      size += Math.abs(factor * value)
    } else total *= value ** factor
  }
  if (isSum) return Number.isFinite(size) ? { total, size } : scaledSum(factors, values)
  const vanishes = total === 0 || !Number.isFinite(total)
  const product = vanishes ? productByLogarithms(factors, values) : total
  return { total: product, size: Math.min(Number.MAX_VALUE, Math.abs(product)) }
}

/** A term overflows, though the sum may not: terms are scaled down by 2^1040, and their sum up again. */
function scaledSum(factors: Readonly<Record<string, number>>, values: Numbers): Measured {
  const scale = 2 ** 520
  let total = 0
  for (const [name, factor] of Object.entries(factors)) total += (factor / scale) * (Number(values[name]) / scale)
  return { total: total * scale * scale, size: Number.MAX_VALUE }
}

/** A product that overflows or vanishes on the way, though it may come to an ordinary number. */
function productByLogarithms(factors: Readonly<Record<string, number>>, values: Numbers): number {
  let log = 0
  let sign = 1
  for (const [name, power] of Object.entries(factors)) {
    const value = Number(values[name])
    if (power === 0) continue
    if (value < 0 && !Number.isInteger(power)) return NaN
    log += power * Math.log(Math.abs(value))
    if (value < 0 && power % 2 !== 0) sign = -sign
  }
  return sign * Math.exp(log) + 0
}

/** Rounding of decimals is no fault: 0.1 + 0.2 is at most 0.3. `size`: of the numbers that were added or multiplied. */
const slack = (bound: number, size: number): number => 1e-12 * Math.max(size, Math.abs(bound))

/** Whether values keep all constraints (I2). */
export const keeps = (space: SearchSpace, values: Numbers): boolean =>
  relationsOf(space).constraints.every(({ constraint }) => faultOf(constraint, values) === undefined)

/** The value of a constraint where it is broken. */
function faultOf(constraint: Constraint, values: Numbers): number | undefined {
  const measured = measure(constraint, values)
  if (measured === undefined) return undefined
  const { total, size } = measured
  const { atLeast, atMost } = constraint
  const isEnough = atLeast === undefined || total >= atLeast - slack(atLeast, size)
  const isTooMuch = atMost !== undefined && !(total <= atMost + slack(atMost, size))
  // Not a number breaks it too.
  return isEnough && !isTooMuch && !Number.isNaN(total) ? undefined : total
}

/** Why values break the first constraint that they break (I2); undefined if they break none. */
export function broken(
  space: SearchSpace,
  values: Numbers,
): { readonly name: string; readonly reason: string } | undefined {
  for (const { name, constraint } of relationsOf(space).constraints) {
    const total = faultOf(constraint, values)
    if (total === undefined) continue
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
