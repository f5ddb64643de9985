/**
 * Random points that keep the constraints.
 * I1 The work is bounded, however little the constraints leave. Where random points keep them too seldom, the point comes from those that
 *    are known to keep them: it is one of them if all are known, or else it is found by moving away from one of them.
 */
import { problem, type HparamValue, type Hparams, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { constrainedPart, told, type ConstrainedPart } from './acceptance.ts'
import { draw, withoutInactive } from './draw.ts'
import { fromUnit, toUnit } from './parameter.ts'
import { keeps, relationsOf } from './relations.ts'

/** Where the constraints keep at least this share of the points, points are drawn until one keeps them. */
const enough = 0.05
const tries = 200
/** Moves away from a known point: how many for each parameter, how many in all at most, and how many tries at each move. */
const sweeps = 4
const moves = 64
const narrowings = 40

/**
 * One point of the space, each parameter by its own law, independently, as far as the constraints let it.
 * Throws SPACE_INVALID if no point is known that keeps them.
 */
export function sample(space: SearchSpace, random: Random): Hparams {
  const { constraints } = relationsOf(space)
  const first = draw(space, random)
  if (constraints.length === 0 || keeps(space, first)) return first
  const part = constrainedPart(space)
  for (let count = 1; count < tries && part.kept >= enough * part.of; count++) {
    const hparams = draw(space, random)
    if (keeps(space, hparams)) return hparams
  }
  if (part.points.length === 0) {
    const { name = '' } = constraints[0] ?? {}
    throw problem('SPACE_INVALID', { path: `space.${name}.where`, reason: `keeps ${told(part)}` })
  }
  const chosen = part.chances === undefined ? moved(part, random) : drawnFrom(part, part.chances, random)
  // The parameters that no constraint names are drawn as usual; the values that were chosen decide which of them are active.
  const values: Record<string, HparamValue> = {}
  for (const [name, parameter] of Object.entries(space)) {
    const fresh = fromUnit(parameter, random.uniform())
    values[name] = Object.hasOwn(chosen, name) ? (chosen[name] as HparamValue) : fresh
  }
  return withoutInactive(space, values)
}

function drawnFrom({ points }: ConstrainedPart, chances: Float64Array, random: Random): Hparams {
  const pick = random.uniform() * (chances.at(-1) as number)
  let low = 0
  let high = points.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((chances[middle] as number) > pick) high = middle
    else low = middle + 1
  }
  return points[low] as Hparams
}

/**
 * Slice sampling, one parameter at a time (R. Neal, "Slice Sampling", 2003, section 4): the new value is drawn from an interval, which
 * narrows around the present value until the constraints are kept.
 */
function moved({ space, points }: ConstrainedPart, random: Random): Hparams {
  const start = points[random.integer(points.length)] as Hparams
  const values: Record<string, HparamValue> = {}
  for (const [name, parameter] of Object.entries(space)) {
    const fresh = fromUnit(parameter, random.uniform())
    values[name] = Object.hasOwn(start, name) ? (start[name] as HparamValue) : fresh
  }
  const { conditional } = relationsOf(space)
  const active = () => (conditional ? withoutInactive(space, values) : values)
  const parameters = Object.entries(space)
  for (let move = Math.min(moves, sweeps * parameters.length); move > 0; move--) {
    const [name, parameter] = parameters[random.integer(parameters.length)] as (typeof parameters)[number]
    const before = values[name] as HparamValue
    const unit = toUnit(parameter, before)
    let [low, high] = [0, 1]
    let kept = false
    for (let count = 0; count < narrowings && !kept; count++) {
      const at = low + (high - low) * random.uniform()
      values[name] = fromUnit(parameter, at)
      kept = keeps(space, active())
      if (at < unit) low = at
      else high = at
    }
    if (!kept) values[name] = before
  }
  return active()
}
