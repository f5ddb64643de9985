/**
 * How much of a space its constraints leave. Only the parameters that constraints name, and their parents, matter: this part of the space
 * is often finite and small where the whole is not.
 * I1 The points of the part are counted if they are few enough. Otherwise the share is estimated with random points, and marked as such.
 * I2 The work is bounded, whatever the space.
 */
import type { HparamValue, Hparams, Parameter, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../random/index.ts'
import { draw } from './draw.ts'
import { cardinality } from './hparams.ts'
import { countOf, shareOf, valueAt } from './parameter.ts'
import { factorsOf, isActive, keeps, relationsOf } from './relations.ts'

export interface Acceptance {
  /** 'all': there are no constraints. */
  readonly kind: 'all' | 'counted' | 'estimated'
  /** `kept` points of `of` keep all constraints: of all points if they were counted, or of the random points if it is an estimate. */
  readonly kept: number
  readonly of: number
}

/** The part of a space that its constraints are about. */
export interface ConstrainedPart extends Acceptance {
  readonly space: SearchSpace
  /** Points that keep the constraints: all of them if `chances` is given, or else some. */
  readonly points: readonly Hparams[]
  /** For each point, the sum of its probability and those of the points before it. */
  readonly chances?: Float64Array
}

/** Values that are tried, one after the other, before counting is given up: about half a second. */
const mostTried = 500_000
/** Values that are drawn for an estimate, and points: at least, at most, and enough for an estimate to five percent. */
const mostDrawn = { values: 500_000, least: 2000, points: 100_000, kept: 400 }
/** Points that are kept. */
const mostPoints = 20_000

const parts = new WeakMap<SearchSpace, ConstrainedPart>()

/** The constrained part of a valid space, worked out once. */
export function constrainedPart(space: SearchSpace): ConstrainedPart {
  const known = parts.get(space)
  if (known !== undefined) return known
  const part = partOf(space)
  const worked = relationsOf(part).constraints.length === 0 ? everything(part) : (counted(part) ?? estimated(part))
  parts.set(space, worked)
  return worked
}

/** Points that are drawn before anything is counted. */
const firstDrawn = 200

/** The findings where no point seems to keep the constraints; undefined as soon as a point is found that does. */
export function scarcity(space: SearchSpace): Acceptance | undefined {
  const part = partOf(space)
  const random = createRandom('scarcity')
  for (let count = 0; count < firstDrawn; count++) {
    if (keeps(part, draw(part, random))) return undefined
  }
  const known = acceptance(space)
  return known.kept > 0 ? undefined : known
}

/** How much of a valid space its constraints leave. */
export function acceptance(space: SearchSpace): Acceptance {
  const { kind, kept, of } = constrainedPart(space)
  return { kind, kept, of }
}

/** For people: what the constraints keep. */
export function told({ kind, kept, of }: Acceptance): string {
  if (kind === 'counted') return `${grouped(kept)} of ${grouped(of)} points (counted)`
  if (kind === 'all') return 'all points'
  const percent = Number(((kept / of) * 100).toPrecision(2))
  return `about ${percent} % of all points (estimated: ${grouped(kept)} of ${grouped(of)} points by chance)`
}

const grouped = (count: number): string =>
  count < 1e15 ? count.toLocaleString('en-US') : count.toExponential(1).replace('+', '')

const everything = (space: SearchSpace): ConstrainedPart => ({ kind: 'all', kept: 1, of: 1, space, points: [] })

/** The parameters that constraints name, with all parents of theirs. */
function partOf(space: SearchSpace): SearchSpace {
  const names = new Set<string>()
  const add = (name: string): void => {
    if (names.has(name)) return
    names.add(name)
    const parent = space[name]?.when?.parameter
    if (parent !== undefined) add(parent)
  }
  for (const { constraint } of relationsOf(space).constraints)
    for (const name of Object.keys(factorsOf(constraint))) add(name)
  const entries = Object.entries(space).filter(([name]) => names.has(name))
  // A constraint may be written on a parameter that it does not name: all stand on one that is here.
  const where = Object.values(space).flatMap((parameter) => parameter.where ?? [])
  return Object.fromEntries(
    entries.map(([name, parameter], index) => [name, { ...parameter, where: index === 0 ? where : [] }]),
  )
}

/** Visits all points, parents first, and turns back where a constraint is broken; undefined if there are too many points. */
function counted(space: SearchSpace): ConstrainedPart | undefined {
  const { order, constraints } = relationsOf(space)
  if (order.some(({ parameter }) => countOf(parameter) === Infinity)) return undefined
  const placeOf = new Map(order.map(({ name }, place) => [name, place]))
  /** At each place, the constraints whose last parameter stands there. */
  const due = order.map((_, place) =>
    constraints.some(({ constraint }) => {
      const last = Math.max(...Object.keys(factorsOf(constraint)).map((name) => placeOf.get(name) as number))
      return last === place
    }),
  )
  const axes = order.map(({ parameter }) => valuesOf(parameter))
  const points: Hparams[] = []
  const weights: number[] = []
  let kept = 0
  let tried = 0
  const values: Record<string, HparamValue> = {}
  const visit = (place: number, weight: number): boolean => {
    const next = order[place]
    if (next === undefined) {
      kept++
      if (points.length <= mostPoints) {
        points.push({ ...values })
        weights.push(weight)
      }
      return true
    }
    const { name, parameter } = next
    const goesOn = (share: number) =>
      due[place] === true && !keeps(space, values) ? true : visit(place + 1, weight * share)
    if (!isActive(parameter, values)) return goesOn(1)
    const axis = axes[place] as Values
    for (let index = 0; index < axis.count; index++) {
      if (++tried > mostTried) return false
      values[name] = axis.at(index)
      if (!goesOn(axis.share(index))) return false
    }
    delete values[name]
    return true
  }
  if (!visit(0, 1)) return undefined
  const found = { kind: 'counted' as const, kept, of: cardinality(space), space }
  if (kept > mostPoints) return { ...found, points: points.slice(0, mostPoints) }
  let sum = 0
  return { ...found, points, chances: Float64Array.from(weights, (weight) => (sum += weight)) }
}

interface Values {
  readonly count: number
  at(index: number): HparamValue
  /** Their chances. */
  share(index: number): number
}

/** The values of a parameter, each worked out once. */
function valuesOf(parameter: Parameter): Values {
  const known: HparamValue[] = []
  const shares: number[] = []
  return {
    count: countOf(parameter),
    at: (index) => (known[index] ??= valueAt(parameter, index)),
    share: (index) => (shares[index] ??= shareOf(parameter, index)),
  }
}

function estimated(space: SearchSpace): ConstrainedPart {
  const random = createRandom('acceptance')
  const parameters = Object.keys(space).length
  const most = Math.min(mostDrawn.points, Math.max(mostDrawn.least, Math.floor(mostDrawn.values / parameters)))
  const points: Hparams[] = []
  let of = 0
  while (of < most && points.length < mostDrawn.kept) {
    const point = draw(space, random)
    of++
    if (keeps(space, point)) points.push(point)
  }
  return { kind: 'estimated', kept: points.length, of, space, points }
}
