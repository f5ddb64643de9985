/** Random points, without regard to constraints. */
import type { HparamValue, Hparams, SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { fromUnit } from './parameter.ts'
import { isActive, relationsOf } from './relations.ts'

/** One point: each parameter by its own law, one draw for each, whether its condition holds or not. */
export function draw(space: SearchSpace, random: Random): Hparams {
  const { conditional } = relationsOf(space)
  const hparams: Hparams = {}
  for (const [name, parameter] of Object.entries(space)) hparams[name] = fromUnit(parameter, random.uniform())
  return conditional ? withoutInactive(space, hparams) : hparams
}

/** The values of those parameters whose conditions hold, in the space's order. */
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
