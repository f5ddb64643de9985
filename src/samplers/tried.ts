/** Which points of a space with finitely many were tried already: trying one again is for noise to settle, or for want of another. */
import { own, type Hparams, type Observation, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { cardinality, countOf, indexOf, sample } from '../space/index.ts'

export type IsTried = (hparams: Hparams) => boolean

const never: IsTried = () => false
const draws = 50

/** Names the points of a space; undefined where there are endlessly many, so that none is ever met again. */
export function pointNames(space: SearchSpace): ((hparams: Hparams) => string) | undefined {
  if (!Object.values(space).every((parameter) => countOf(parameter) !== Infinity)) return undefined
  const parameters = Object.entries(space)
  const known = new WeakMap<Hparams, string>()
  return (hparams) => {
    let name = known.get(hparams)
    if (name === undefined) {
      name = parameters.map(([key, parameter]) => indexOf(parameter, own(hparams, key)) ?? '').join()
      known.set(hparams, name)
    }
    return name
  }
}

/** Says of a history which points are in it; pending ones count, cancelled ones do not. Where all were tried, none counts as tried. */
export function triedPoints(space: SearchSpace): (history: readonly Observation[]) => IsTried {
  const nameOf = pointNames(space)
  if (nameOf === undefined) return () => never
  const points = cardinality(space)
  return (history) => {
    const names = new Set<string>()
    for (const { state, hparams } of history) if (state !== 'cancelled') names.add(nameOf(hparams))
    return names.size === 0 || names.size >= points ? never : (hparams) => names.has(nameOf(hparams))
  }
}

/** The point itself if it is new, or else a random one that is; or any, where none is found. */
export function newPoint(space: SearchSpace, random: Random, isTried: IsTried, hparams?: Hparams): Hparams {
  let point = hparams ?? sample(space, random)
  for (let count = 0; count < draws && isTried(point); count++) point = sample(space, random)
  return point
}
