/**
 * Problems with several objectives, judged by hypervolume: ZDT1 to ZDT4 and ZDT6 (E. Zitzler, K. Deb, L. Thiele, 2000), DTLZ1, DTLZ2 and
 * DTLZ7 with two and three objectives (K. Deb et al., 2002), and error against cost in a table of trainings.
 */
import type { Hparams } from '../../../protocol/index.ts'
import { hypervolume } from '../../../src/pareto/index.ts'
import { enumerate, space } from '../../../src/space/index.ts'
import type { Problem } from './problem.ts'
import { tableOf } from './tables.ts'

const { cos, exp, PI, sin, sqrt } = Math
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)

type Objectives = (x: readonly number[]) => readonly number[]

/** Over the unit cube. `front`: points of the best front, near enough to each other. The corner lies about where random points do. */
function problem(
  name: string,
  parameters: number,
  corner: readonly number[],
  front: () => readonly (readonly number[])[],
  of: Objectives,
): Problem {
  const truth = (hparams: Hparams) => of(Object.values(hparams).map(Number))
  let ideal: number | undefined
  return {
    family: 'several',
    name,
    space: Object.fromEntries(Array.from({ length: parameters }, (_, i) => [`x${i}`, space.double(0, 1)])),
    trials: 200,
    objectives: corner.length,
    corner,
    instance: () => ({ measure: truth, truth, ideal: (ideal ??= hypervolume(front(), corner)) }),
  }
}

const grid = (count: number) => Array.from({ length: count + 1 }, (_, i) => i / count)

/** Ten parameters; the second objective follows from the first and from `g` of the others. */
function zdt(
  number: number,
  corner: readonly number[],
  second: (f: number, g: number) => number,
  g: (others: readonly number[]) => number = (others) => 1 + (9 * sum(others)) / others.length,
  first: (x: number) => number = (x) => x,
): Problem {
  const front = () => grid(4000).map((x) => [first(x), second(first(x), 1)])
  return problem(`zdt${number}`, 10, corner, front, ([x = 0, ...others]) => [first(x), second(first(x), g(others))])
}

/** Shares of 1 for each objective, on a grid over the simplex. */
const simplex = (objectives: number): number[][] =>
  objectives === 2
    ? grid(2000).map((a) => [a, 1 - a])
    : grid(60).flatMap((a) => grid(60).flatMap((b) => (a + b <= 1 + 1e-9 ? [[a, b, 1 - a - b]] : [])))

const rastrigin = (others: readonly number[]) =>
  100 * (others.length + sum(others.map((x) => (x - 0.5) ** 2 - cos(20 * PI * (x - 0.5)))))

/** Five parameters more than the objectives need. */
function dtlz1(objectives: number): Problem {
  const scaled = () => simplex(objectives).map((point) => point.map((share) => share / 2))
  const corner = Array.from({ length: objectives }, () => 300)
  return problem(`dtlz1x${objectives}`, objectives + 4, corner, scaled, (x) => {
    const size = (1 + rastrigin(x.slice(objectives - 1))) / 2
    return linear(x.slice(0, objectives - 1)).map((share) => size * share)
  })
}

/** Shares that sum to 1: products of the parameters, the last of each turned round. */
function linear(x: readonly number[]): number[] {
  const [first, ...rest] = x
  return first === undefined ? [1] : [...linear(rest).map((share) => first * share), 1 - first]
}

function dtlz2(objectives: number): Problem {
  const onSphere = () => simplex(objectives).map((shares) => shares.map(sqrt))
  const corner = Array.from({ length: objectives }, () => 2)
  return problem(`dtlz2x${objectives}`, objectives + 4, corner, onSphere, (x) => {
    const size = 1 + sum(x.slice(objectives - 1).map((other) => (other - 0.5) ** 2))
    return angles(x.slice(0, objectives - 1)).map((side) => size * side)
  })
}

/** The sides of a point of the unit sphere. */
function angles(x: readonly number[]): number[] {
  const [first, ...rest] = x
  if (first === undefined) return [1]
  return [...angles(rest).map((side) => cos((first * PI) / 2) * side), sin((first * PI) / 2)]
}

function dtlz7(objectives: number): Problem {
  const last = (f: readonly number[], g: number) =>
    (1 + g) * (objectives - sum(f.map((each) => (each / (1 + g)) * (1 + sin(3 * PI * each)))))
  const fronts = () => {
    const sides = grid(objectives === 2 ? 4000 : 80)
    const points = objectives === 2 ? sides.map((a) => [a]) : sides.flatMap((a) => sides.map((b) => [a, b]))
    return points.map((f) => [...f, last(f, 1)])
  }
  const corner = [...Array.from({ length: objectives - 1 }, () => 1.1), 12 * (objectives - 1)]
  return problem(`dtlz7x${objectives}`, objectives + 4, corner, fronts, (x) => {
    const [f, others] = [x.slice(0, objectives - 1), x.slice(objectives - 1)]
    return [...f, last(f, 1 + (9 / others.length) * sum(others))]
  })
}

const errorAgainstCost: Problem = {
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
      measure: (hparams, random) => [table.curve(hparams, random.integer(table.seeds)).at(-1) as number, cost(hparams)],
      truth,
      ideal: hypervolume(points, [1.1, 1.1]),
    }
  },
}

export const several: readonly Problem[] = [
  zdt(1, [1.1, 6], (f, g) => g * (1 - sqrt(f / g))),
  zdt(2, [1.1, 6], (f, g) => g * (1 - (f / g) ** 2)),
  zdt(3, [1.1, 6], (f, g) => g * (1 - sqrt(f / g) - (f / g) * sin(10 * PI * f))),
  zdt(
    4,
    [1.1, 150],
    (f, g) => g * (1 - sqrt(f / g)),
    (others) => 1 + sum(others.map((x) => 10 + (10 * x - 5) ** 2 - 10 * cos(4 * PI * (10 * x - 5)))),
  ),
  zdt(
    6,
    [1.1, 8],
    (f, g) => g * (1 - (f / g) ** 2),
    (others) => 1 + 9 * (sum(others) / others.length) ** 0.25,
    (x) => 1 - exp(-4 * x) * sin(6 * PI * x) ** 6,
  ),
  ...[dtlz1, dtlz2, dtlz7].flatMap((made) => [made(2), made(3)]),
  errorAgainstCost,
]
