/** Plateaus: most of the space comes to the same, and a region of 9 % to much more. */
import { describe, expect, it } from 'vitest'
import type { Hparams, Observation, SearchSpace } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { plateau } from '../../src/samplers/filling.ts'
import { fitKernel } from '../../src/samplers/gp/process.ts'
import { skillOf } from '../../src/samplers/gp/skill.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { space } from '../../src/space/index.ts'

const objectives = [{ metric: 'loss', direction: 'minimize' as const }]
const square: SearchSpace = { x: space.double(0, 1), y: space.double(0, 1) }
const mixed: SearchSpace = { ...square, n: space.integer(1, 40), kind: space.categorical(['a', 'b', 'c']) }
const xy = ({ x, y }: Hparams) => [Number(x), Number(y)] as const

type Loss = (hparams: Hparams, trial: number, seed: number) => number | 'failed'
const noise = (trial: number, seed: number) => createRandom('plateau', seed, trial)

const isBetter = (hparams: Hparams) => {
  const [x, y] = xy(hparams)
  return x > 0.6 && x < 0.9 && y > 0.05 && y < 0.35
}
const plateaus: readonly [string, SearchSpace, Loss][] = [
  ['flat', square, () => -0.1],
  ['of noise', square, (_, trial, seed) => 0.01 * noise(trial, seed).normal() - 0.1],
  ['of two levels by chance', square, (_, trial, seed) => (noise(trial, seed).uniform() < 0.15 ? -0.12 : -0.1)],
  ['of two levels by place', square, ({ x, y }) => (Number(x) < 0.3 && Number(y) > 0.6 ? -0.12 : -0.1)],
  ['where a half fails', square, ({ x }) => (Number(x) < 0.5 ? 'failed' : -0.1)],
  ['of levels and choices', mixed, () => -0.1],
]

function search(name: string, given: SearchSpace, loss: Loss, trials: number, seed: number): readonly Observation[] {
  const sampler = builtinSamplers.get(name)?.create({ space: given, objectives, trials, options: {}, seed })
  const history: Observation[] = []
  for (let trial = 0; trial < trials; trial++) {
    const random = createRandom(seed, 'suggest', trial)
    const hparams = sampler?.({ space: given, objectives, history, trial, random })
    if (hparams === undefined || hparams === 'exhausted') throw new Error('nothing is suggested')
    const value = loss(hparams, trial, seed)
    history.push(
      value === 'failed'
        ? { trial, hparams, state: 'failed', metrics: {}, step: null }
        : { trial, hparams, state: 'done', metrics: { loss: value }, step: null },
    )
  }
  return history
}

describe('a search on a plateau', () => {
  it.each(plateaus)('%s finds the region that is better, as random points would', (_, given, loss) => {
    const island: Loss = (hparams, trial, seed) =>
      isBetter(hparams) ? Math.abs(Number(hparams['x']) - 0.75) - 0.9 : loss(hparams, trial, seed)
    for (const name of ['gp', 'auto']) {
      const hits = [1, 2, 3, 4].filter((seed) =>
        search(name, given, island, 45, seed).some(({ hparams }) => isBetter(hparams)),
      )
      // 45 random points miss it in one search of seventy.
      expect(hits.length).toBeGreaterThanOrEqual(3)
    }
  })

  it.each(['gp', 'auto'])(
    'by %s fills the space: neither the same points again nor their edges and middles',
    (name) => {
      const points = search(name, square, () => 1, 60, 1).map(({ hparams }) => xy(hparams))
      const apart = points.flatMap(([x, y], at) => points.slice(at + 1).map(([u, v]) => Math.hypot(x - u, y - v)))
      expect(Math.min(...apart)).toBeGreaterThan(0.01)
      const near = (value: number) => Math.min(value, Math.abs(value - 0.5), 1 - value) < 0.05
      // 4 % of the square is so near to the 3 x 3 points of its corners, middles and centre.
      expect(points.filter(([x, y]) => near(x) && near(y)).length).toBeLessThan(12)
      // A wide hole is one that a circle of a tenth of the square fits in.
      const holes = Array.from({ length: 400 }, (_, index) => [(index % 20) / 19, Math.floor(index / 20) / 19] as const)
      const far = holes.map(([x, y]) => Math.min(...points.map(([u, v]) => Math.hypot(x - u, y - v))))
      expect(Math.max(...far)).toBeLessThan(0.18)
    },
  )

  it('says that it fills the space', () => {
    const setting = { space: square, objectives, trials: 60, options: {}, seed: 1 }
    const history = search('auto', square, () => 1, 40, 1)
    expect(builtinSamplers.get('auto')?.told?.(setting, history)[0]).toMatch(/known, 100 % fill the space$/)
  })
})

describe('a plateau', () => {
  const partAfter = (losses: readonly number[]) =>
    plateau(
      square,
      objectives[0],
    )(
      losses.map((loss, trial): Observation => {
        const random = createRandom('part', trial)
        const hparams = { x: random.uniform(), y: random.uniform() }
        return { trial, hparams, state: 'done', metrics: { loss }, step: null }
      }),
    )

  it('is none before there are trials, and where one trial is far better than the rest', () => {
    expect(partAfter([1, 1, 1, 1])).toBe(0)
    expect(partAfter([1, 1, 1, 1, 1])).toBe(1)
    expect(partAfter([1, 1, 1, 1, 1, 0])).toBe(0)
    expect(partAfter([...Array<number>(15).fill(1), ...Array<number>(5).fill(0)])).toBe(0.5)
  })

  it('teaches no length scale: that stays where its prior has it, and nothing is explained', () => {
    const points = Array.from({ length: 25 }, (_, index) => {
      const random = createRandom('constant', index)
      return Float64Array.of(random.uniform(), random.uniform())
    })
    const data = { points, groups: [0, 1] }
    const values = new Float64Array(25)
    expect([...fitKernel(data, values).lengths]).toEqual(
      [Math.SQRT1_2, Math.SQRT1_2].map((to) => expect.closeTo(to, 9)),
    )
    expect(skillOf(data, values)).toBe(0)
  })
})
