/** Explore: new hparams near good ones (Jaderberg et al., 2017, section 3: perturb by a factor, or draw anew). */
import { own, type Hparams, type HparamValue, type Parameter, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { contains, countOf, indexOf, sample, valueAt } from '../space/index.ts'

export interface Exploring {
  /** A numeric value is multiplied by one of these. */
  readonly factors: readonly number[]
  /** How likely each parameter is drawn anew instead. */
  readonly resample: number
}

/** A neighbour inside the space; the same hparams if the space has none there. */
export function perturbed(space: SearchSpace, hparams: Hparams, random: Random, exploring: Exploring): Hparams {
  const fresh = sample(space, random)
  const near: Hparams = { ...hparams }
  for (const [name, value] of Object.entries(hparams)) {
    const parameter = own(space, name)
    if (parameter === undefined) continue
    const factor = exploring.factors[random.integer(exploring.factors.length)] as number
    const anew = random.uniform() < exploring.resample
    near[name] = anew ? (own(fresh, name) ?? value) : moved(parameter, value, factor)
  }
  // The neighbour may break a condition or a constraint: then the hparams stay as they are.
  return contains(space, near) ? near : hparams
}

function moved(parameter: Parameter, value: HparamValue, factor: number): HparamValue {
  if (parameter.type === 'categorical' || parameter.type === 'constant' || typeof value !== 'number') return value
  if (parameter.type === 'discrete') return neighbour(parameter, value, factor > 1 ? 1 : -1)
  const { low, high } = parameter
  const shift = value === 0 ? (factor - 1) * (high - low) * 0.1 : value * factor - value
  const target = Math.min(high, Math.max(low, value + shift)) + 0
  if (parameter.type === 'double' && parameter.step === undefined) return target
  const steps = Math.round((target - value) / (parameter.step ?? 1))
  return neighbour(parameter, value, steps === 0 ? Math.sign(shift) : steps)
}

function neighbour(parameter: Parameter, value: number, steps: number): HparamValue {
  const index = indexOf(parameter, value)
  if (index === undefined) return value
  return valueAt(parameter, Math.min(countOf(parameter) - 1, Math.max(0, index + steps)))
}
