/** Which points of a space with finitely many were tried already: trying one again is for noise to settle, or for want of another. */
import { own, type Hparams, type Observation, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import { cardinality, countOf, indexOf, sample } from '../space/index.ts'

export type IsTried = (hparams: Hparams) => boolean

const never: IsTried = () => false
const draws = 50

/** Says of a history which points are in it; pending ones count, cancelled ones do not. Where all were tried, none counts as tried. */
export function triedPoints(space: SearchSpace): (history: readonly Observation[]) => IsTried {
  if (!Object.values(space).every((parameter) => countOf(parameter) !== Infinity)) return () => never
  const points = cardinality(space)
  const parameters = Object.entries(space)
  const known = new WeakMap<Hparams, string>()
  const keyOf = (hparams: Hparams): string => {
    let key = known.get(hparams)
    if (key === undefined) {
      key = parameters.map(([name, parameter]) => indexOf(parameter, own(hparams, name)) ?? '').join()
      known.set(hparams, key)
    }
    return key
  }
  return (history) => {
    const keys = new Set<string>()
    for (const { state, hparams } of history) if (state !== 'cancelled') keys.add(keyOf(hparams))
    return keys.size === 0 || keys.size >= points ? never : (hparams) => keys.has(keyOf(hparams))
  }
}

/** The point itself if it is new, or else a random one that is; or any, where none is found. */
export function newPoint(space: SearchSpace, random: Random, isTried: IsTried, hparams?: Hparams): Hparams {
  let point = hparams ?? sample(space, random)
  for (let count = 0; count < draws && isTried(point); count++) point = sample(space, random)
  return point
}
