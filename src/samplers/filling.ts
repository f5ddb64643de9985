/**
 * While trials are on a plateau they do not say where to look, and a model of them asks corners and middles again and again: new points
 * fill the space instead, away from all that was tried.
 * I1 It depends on the history and on the question's random numbers alone.
 */
import type { Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import { cubeOf, type Cube } from '../space/index.ts'
import { createLedger, type Entry } from './ledger.ts'
import type { Sampler, SamplerPlugin, SamplerSetting } from './sampler.ts'
import { newPoint, triedPoints } from './tried.ts'
import { judge } from './turns.ts'

type Row = Float64Array

/** Fewer trials say nothing. */
const fewest = 5
/** The part of the trials that fill the space where the values are noise to a model. */
const partOfNoise = 0.8
/** Below this a model foretells nothing of the next trial. */
const leastSkill = 0.05
/** A model is judged before, and when it has its turns. */
const occasions = [10, 14, 20, 30, 45, 70, 105, 160, 240]
/** The best candidate of so many: farthest from what was tried (D. P. Mitchell, "Spectrally Optimal Sampling", 1991); more of them would be mostly at the edges. */
const candidates = 10
/** A trial that failed keeps others twice as far away. */
const failing = 0.5

/** The part of the trials that is to fill the space, 0 to 1. */
export function plateau(space: SearchSpace, objective: Objective | undefined) {
  const ledger = createLedger(objective, () => undefined)
  const judged = judge(space, objective, occasions)
  return (history: readonly Observation[]): number => {
    ledger.show(history)
    const { ranked, done } = ledger
    const [first] = ranked
    // Where the limits are missed by less and less, failures tell where to go.
    if (first?.standing === 'bad') return ranked.length >= fewest && first.violation === Infinity ? 1 : 0
    if (done < fewest) return 0
    const lossAt = (index: number) => (ranked[index] as Entry<undefined>).loss
    const best = lossAt(0)
    let tied = 1
    while (tied < done && isTied(best, lossAt(tied))) tied++
    // Where half of the trials are as good as the best, nothing tells them apart; where fewer are, it is flat where they are.
    if (tied >= fewest) return Math.min(1, (2 * tied) / done)
    const [quarter, middle] = [lossAt(done >>> 2), lossAt(done >>> 1)]
    // Far out (J. W. Tukey, "Exploratory Data Analysis", 1977), by the better half: no luck of noise.
    if (best < quarter - 6 * (middle - quarter)) return 0
    return (judged.latest(history)?.skill ?? 1) < leastSkill ? partOfNoise : 0
  }
}

const isTied = (one: number, other: number): boolean =>
  Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other))

/** The sampler, but for the trials that fill the space. */
export function withFilling({ space, objectives }: SamplerSetting, before: Sampler): Sampler {
  const cube = cubeOf(space)
  const partOf = plateau(space, objectives[0])
  const ledger = createLedger(objectives[0], ({ hparams }) => cube.toCube(hparams))
  const triedIn = triedPoints(space)
  return (question) => {
    const { history, tried = history, random } = question
    const part = partOf(history)
    if (part === 0 || cube.size === 0 || random.uniform() >= part) return before(question)
    ledger.show(history)
    const known = ledger.entries.filter(({ standing }) => standing !== 'void')
    const isTried = triedIn(tried)
    const drawn = Array.from({ length: candidates }, () => {
      const hparams = newPoint(space, random, isTried)
      return { hparams, far: farFrom(cube.toCube(hparams), known, cube) }
    })
    return drawn.reduce((one, other) => (other.far > one.far ? other : one)).hparams
  }
}

/** How far a point is from the nearest trial: numbers by the cube, a choice is as far from another as the ends of a range. */
function farFrom(point: Row, trials: readonly Entry<Row>[], { columns }: Cube): number {
  let nearest = Infinity
  for (const { row, standing } of trials) {
    let square = 0
    for (const { at, width } of columns) {
      for (let column = at; column < at + width; column++) {
        square += ((point[column] as number) - (row[column] as number)) ** 2 / (width === 1 ? 1 : 2)
      }
    }
    nearest = Math.min(nearest, (standing === 'bad' ? failing : 1) * Math.sqrt(square))
  }
  return nearest
}

export const filling = (plugin: SamplerPlugin): SamplerPlugin => ({
  ...plugin,
  create: (setting) => withFilling(setting, plugin.create(setting)),
})
