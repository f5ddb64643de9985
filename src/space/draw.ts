/** Points by chance. */
import { problem, type HparamValue, type Hparams, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { fromUnit } from './parameter.ts'
import { broken, isActive, relationsOf } from './relations.ts'

/** One point, constraints aside: each parameter by its own law, one draw for each, whether it is there or not. */
export function draw(space: SearchSpace, random: Random): Hparams {
  const { conditional } = relationsOf(space)
  const hparams: Hparams = {}
  for (const [name, parameter] of Object.entries(space)) hparams[name] = fromUnit(parameter, random.uniform())
  return conditional ? withoutInactive(space, hparams) : hparams
}

/** The values of those parameters that are there, in the space's order. */
export function withoutInactive(space: SearchSpace, values: Readonly<Record<string, HparamValue>>): Hparams {
  const active: Hparams = {}
  for (const { name, parameter } of relationsOf(space).order) {
    if (isActive(parameter, active)) active[name] = values[name] as HparamValue
  }
  return Object.fromEntries(
    Object.keys(space)
      .filter((name) => Object.hasOwn(active, name))
      .map((name) => [name, active[name] as HparamValue]),
  )
}

/** A space in which one point of a hundred thousand keeps the constraints is refused sooner, by validateSpace. */
const mostDraws = 1_000_000

/**
 * One point of the space, each parameter by its own law, independently; drawn again until it keeps the constraints.
 * Throws SPACE_INVALID if none of a million does.
 */
export function sample(space: SearchSpace, random: Random): Hparams {
  const { constraints } = relationsOf(space)
  if (constraints.length === 0) return draw(space, random)
  for (let count = 0; count < mostDraws; count++) {
    const hparams = draw(space, random)
    if (broken(space, hparams) === undefined) return hparams
  }
  const { name = '' } = constraints[0] ?? {}
  throw problem('SPACE_INVALID', { path: `space.${name}.where`, reason: `leaves nothing of ${mostDraws} points` })
}
