/**
 * Problems with several objectives, judged by hypervolume: ZDT1 to ZDT3 (E. Zitzler, K. Deb, L. Thiele, 2000), DTLZ2 (K. Deb et al.,
 * 2002), and error against cost in a table of trainings.
 */
import type { Hparams } from '../../../protocol/index.ts'
import { enumerate, space } from '../../../src/space/index.ts'
import type { Problem } from './problem.ts'
import { tableOf } from './tables.ts'

const { cos, PI, sin, sqrt } = Math

/** The volume that points dominate below a corner: slices along the last objective (exact; fine for two or three). */
export function hypervolume(points: readonly (readonly number[])[], corner: readonly number[]): number {
  const inside = points.filter((point) => point.every((value, i) => value < (corner[i] as number)))
  if (inside.length === 0) return 0
  const last = corner.length - 1
  if (last === 0) return (corner[0] as number) - Math.min(...inside.map((point) => point[0] as number))
  const sorted = inside.toSorted((a, b) => (a[last] as number) - (b[last] as number))
  let volume = 0
  for (const [index, point] of sorted.entries()) {
    const next = sorted[index + 1] ?? corner
    const depth = (next[last] as number) - (point[last] as number)
    if (depth <= 0) continue
    const below = sorted.slice(0, index + 1).map((each) => each.slice(0, last))
    volume += depth * hypervolume(below, corner.slice(0, last))
  }
  return volume
}

const corner: readonly [number, number] = [1.1, 6]

const unit = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`x${i}`, space.double(0, 1)]))
const zdt = (name: string, second: (f: number, g: number) => number, ideal: number): Problem => ({
  family: 'several',
  name,
  space: unit(10),
  trials: 200,
  objectives: 2,
  corner,
  instance() {
    const truth = (hparams: Hparams) => {
      const [first = 0, ...others] = Object.values(hparams).map(Number)
      const g = 1 + (9 * others.reduce((a, b) => a + b, 0)) / others.length
      return [first, second(first, g)]
    }
    return { measure: truth, truth, ideal }
  },
})

/** The front's own hypervolume, by a fine grid. */
const under = (front: (f: number) => number | undefined, corner: readonly [number, number]): number => {
  const points = Array.from({ length: 4001 }, (_, i) => i / 4000).flatMap((f) => {
    const other = front(f)
    return other === undefined ? [] : [[f, other]]
  })
  return hypervolume(points, corner)
}
export const several: readonly Problem[] = [
  zdt(
    'zdt1',
    (f, g) => g * (1 - sqrt(f / g)),
    under((f) => 1 - sqrt(f), corner),
  ),
  zdt(
    'zdt2',
    (f, g) => g * (1 - (f / g) ** 2),
    under((f) => 1 - f * f, corner),
  ),
  zdt(
    'zdt3',
    (f, g) => g * (1 - sqrt(f / g) - (f / g) * sin(10 * PI * f)),
    under((f) => 1 - sqrt(f) - f * sin(10 * PI * f), corner),
  ),
  {
    family: 'several',
    name: 'dtlz2',
    space: unit(7),
    trials: 200,
    objectives: 3,
    corner: [2, 2, 2],
    instance() {
      const truth = (hparams: Hparams) => {
        const [a = 0, b = 0, ...others] = Object.values(hparams).map(Number)
        const g = 1 + others.reduce((sum, x) => sum + (x - 0.5) ** 2, 0)
        const [p, q] = [(a * PI) / 2, (b * PI) / 2]
        return [g * cos(p) * cos(q), g * cos(p) * sin(q), g * sin(p)]
      }
      // The corner's cube less an eighth of the unit ball.
      return { measure: truth, truth, ideal: 8 - PI / 6 }
    },
  },
  {
    family: 'several',
    name: 'perceptron-cost',
    get space() {
      return tableOf('perceptron').space
    },
    trials: 100,
    objectives: 2,
    corner: [1.1, 1.1],
    instance() {
      const table = tableOf('perceptron')
      const cost = ({ units, batch }: Hparams) => (Math.log2(Number(units) / 8) + Math.log2(64 / Number(batch))) / 5
      const truth = (hparams: Hparams) => [table.mean(hparams), cost(hparams)]
      const all = enumerate(table.space)
      const points = Array.from({ length: all?.size ?? 0 }, (_, index) => truth(all?.at(index) as Hparams))
      return {
        measure: (hparams, random) => [
          table.curve(hparams, random.integer(table.seeds)).at(-1) as number,
          cost(hparams),
        ],
        truth,
        ideal: hypervolume(points, [1.1, 1.1]),
      }
    },
  },
]
