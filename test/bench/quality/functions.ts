/**
 * Functions of real numbers after N. Hansen et al., "Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
 * Definitions" (RR-6829), each with the optimum and the axes where the seed puts them; scaled so that all domains are [-5, 5].
 */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import { createRandom, type Random } from '../../../src/random/index.ts'
import { space } from '../../../src/space/index.ts'
import { single, type Problem } from './problem.ts'

const { abs, cos, exp, floor, log, max, PI, sign, sin, sqrt } = Math
type Vector = readonly number[]
const sum = (values: Vector): number => values.reduce((total, value) => total + value, 0)
const square = (value: number): number => value * value
const norm = (z: Vector): number => sqrt(sum(z.map(square)))

/** An orthogonal matrix (Gram and Schmidt on normal vectors). */
function rotation(n: number, random: Random): number[][] {
  const rows: number[][] = []
  while (rows.length < n) {
    let row = Array.from({ length: n }, () => random.normal())
    for (const other of rows) {
      const along = sum(row.map((value, i) => value * (other[i] as number)))
      row = row.map((value, i) => value - along * (other[i] as number))
    }
    const length = norm(row)
    rows.push(row.map((value) => value / length))
  }
  return rows
}

const times = (matrix: readonly Vector[], z: Vector): number[] =>
  matrix.map((row) => sum(row.map((value, i) => value * (z[i] as number))))

/** T_osz and T_asy of the report, and the diagonal matrix Lambda^alpha. */
function osz(x: number): number {
  if (x === 0) return 0
  const hat = log(abs(x))
  const [a, b] = x > 0 ? [10, 7.9] : [5.5, 3.1]
  return sign(x) * exp(hat + 0.049 * (sin(a * hat) + sin(b * hat)))
}
const part = (i: number, n: number): number => i / max(1, n - 1)
const asy = (beta: number) => (x: number, i: number, all: Vector) =>
  x > 0 ? x ** (1 + beta * part(i, all.length) * sqrt(x)) : x
const stretch = (alpha: number) => (x: number, i: number, all: Vector) => x * alpha ** (0.5 * part(i, all.length))

interface Made {
  readonly optimum: Vector
  readonly turn: (z: Vector) => number[]
  readonly turnBack: (z: Vector) => number[]
  readonly random: Random
  readonly n: number
}
type Shape = (made: Made) => (x: Vector) => number

const centred =
  (at: (z: Vector, made: Made) => number, turned = true): Shape =>
  (made) => {
    const { optimum, turn } = made
    return (x) => {
      const z = x.map((value, i) => value - (optimum[i] as number))
      return at(turned ? turn(z) : z, made)
    }
  }

const rastrigin = (z: Vector): number => sum(z.map((v) => square(v) + 10 * (1 - cos(2 * PI * v))))
const rosenbrock = (z: Vector): number =>
  sum(z.slice(1).map((b, i) => 100 * square(square(z[i] as number) - b) + square((z[i] as number) - 1)))

/** Peaks of F21 and F22: 101 or 21 hills of different width, one of them the highest. */
const gallagher =
  (peaks: number): Shape =>
  ({ n, optimum, turn, random }) => {
    const hills = Array.from({ length: peaks }, (_, index) => ({
      at: turn(index === 0 ? optimum : Array.from({ length: n }, () => 9.8 * random.uniform() - 4.9)),
      height: index === 0 ? 10 : 1.1 + (8 * (index - 1)) / max(1, peaks - 2),
      scales: Array.from({ length: n }, (_, i) => {
        const alpha = index === 0 ? 1000 : 1000 ** (2 * random.uniform())
        return alpha ** (0.5 * part(i, n)) / alpha ** 0.25
      }),
    }))
    return (x) => {
      const turned = turn(x)
      const highest = hills.reduce((most, { at, height, scales }) => {
        const far = sum(turned.map((v, i) => (scales[i] as number) * square(v - (at[i] as number))))
        return max(most, height * exp(-far / (2 * n)))
      }, 0)
      return square(osz(10 - highest))
    }
  }

const shapes: Readonly<Record<string, readonly [family: string, shape: Shape]>> = {
  sphere: ['unimodal', centred((z) => sum(z.map(square)), false)],
  slope: [
    'unimodal',
    ({ optimum, n }) =>
      (x) =>
        sum(x.map((v, i) => 10 ** part(i, n) * (5 - sign(optimum[i] as number) * v))),
  ],
  sector: [
    'unimodal',
    (made) =>
      centred((z) => {
        const w = made.turnBack(z.map(stretch(10)))
        return osz(sum(w.map((v, i) => square(v * (made.optimum[i] as number) > 0 ? 100 * v : v)))) ** 0.9
      })(made),
  ],
  step: [
    'unimodal',
    centred((z, { turnBack, n }) => {
      const hat = z.map(stretch(10))
      const stepped = turnBack(hat.map((v) => (abs(v) > 0.5 ? floor(0.5 + v) : floor(0.5 + 10 * v) / 10)))
      return 0.1 * max(abs(hat[0] as number) / 1e4, sum(stepped.map((v, i) => 10 ** (2 * part(i, n)) * square(v))))
    }),
  ],
  rosenbrock: ['unimodal', centred((z) => rosenbrock(z.map((v) => v + 1)))],
  ellipsoid: ['conditioned', centred((z, { n }) => sum(z.map((v, i) => 1e6 ** part(i, n) * square(osz(v)))))],
  discus: ['conditioned', centred((z) => sum(z.map((v, i) => (i === 0 ? 1e6 : 1) * square(osz(v)))))],
  cigar: [
    'conditioned',
    centred((z, { turn }) => sum(turn(z.map(asy(0.5))).map((v, i) => (i === 0 ? 1 : 1e6) * square(v)))),
  ],
  ridge: [
    'conditioned',
    centred((z, { turnBack }) => {
      const [first = 0, ...others] = turnBack(z.map(stretch(10)))
      return square(first) + 100 * norm(others)
    }),
  ],
  powers: ['conditioned', centred((z, { n }) => sqrt(sum(z.map((v, i) => abs(v) ** (2 + 4 * part(i, n))))))],
  separable: ['multimodal', centred((z) => rastrigin(z.map(osz).map(asy(0.2)).map(stretch(10))), false)],
  rastrigin: [
    'multimodal',
    centred((z, { turn, turnBack }) => rastrigin(turn(turnBack(z.map(osz).map(asy(0.2))).map(stretch(10))))),
  ],
  weierstrass: [
    'multimodal',
    centred((z, { turn, turnBack, n }) => {
      const w = turn(turnBack(z.map(osz)).map(stretch(0.01)))
      const ks = Array.from({ length: 12 }, (_, k) => k)
      const least = sum(ks.map((k) => 0.5 ** k * cos(PI * 3 ** k)))
      return 10 * (sum(w.map((v) => sum(ks.map((k) => 0.5 ** k * cos(2 * PI * 3 ** k * (v + 0.5)))))) / n - least) ** 3
    }),
  ],
  schaffers: [
    'multimodal',
    centred((z, { turn, n }) => {
      const w = turn(z.map(asy(0.5))).map(stretch(10))
      const s = w.slice(1).map((v, i) => sqrt(square(v) + square(w[i] as number)))
      return square(sum(s.map((v) => sqrt(v) + sqrt(v) * square(sin(50 * v ** 0.2)))) / (n - 1))
    }),
  ],
  griewank: [
    'multimodal',
    centred((z, { n }) => {
      const w = z.map((v) => v + 1)
      const s = w.slice(1).map((b, i) => 100 * square(square(w[i] as number) - b) + square((w[i] as number) - 1))
      return (10 / (n - 1)) * sum(s.map((v) => v / 4000 - cos(v))) + 10
    }),
  ],
  gallagher101: ['multimodal', gallagher(101)],
  gallagher21: ['multimodal', gallagher(21)],
  katsuura: [
    'multimodal',
    centred((z, { turn, n }) => {
      const w = turn(z.map(stretch(100)))
      const waves = (v: number) =>
        sum(Array.from({ length: 24 }, (_, j) => abs(2 ** (j + 1) * v - Math.round(2 ** (j + 1) * v)) / 2 ** (j + 1)))
      const product = w.reduce((all, v, i) => all * (1 + (i + 1) * waves(v)) ** (10 / n ** 1.2), 1)
      return (10 / square(n)) * (product - 1)
    }),
  ],
}

const names = (n: number): string[] => Array.from({ length: n }, (_, index) => `x${index}`)
export const box = (n: number): SearchSpace => Object.fromEntries(names(n).map((name) => [name, space.double(-5, 5)]))

function madeFor(name: string, n: number, seed: number): (x: Vector) => number {
  const random = createRandom('referee', name, n, seed)
  const optimum = Array.from({ length: n }, () => 8 * random.uniform() - 4)
  const matrix = rotation(n, random)
  const transposed = matrix.map((_, i) => matrix.map((row) => row[i] as number))
  const [, shape] = shapes[name] as (typeof shapes)[string]
  return shape({ optimum, turn: (z) => times(matrix, z), turnBack: (z) => times(transposed, z), random, n })
}

/** The function by its hparams x0, x1, …, for the other families, too. Its least value is 0. */
export function functionOf(name: string, n: number, seed: number): (hparams: Hparams) => number {
  const at = madeFor(name, n, seed)
  return (hparams) => at(names(n).map((each) => Number(hparams[each])))
}

export const functions: readonly Problem[] = Object.entries(shapes).map(([name, [family]]) => ({
  family,
  name,
  space: box(5),
  trials: 200,
  objectives: 1,
  instance: (seed) => single(functionOf(name, 5, seed), 0),
}))

/** Noise of a tenth of the spread that random points have. */
export const noisy: readonly Problem[] = ['sphere', 'rosenbrock', 'powers', 'rastrigin', 'gallagher101'].map(
  (name) => ({
    family: 'noisy',
    name: `noisy-${name}`,
    space: box(5),
    trials: 200,
    objectives: 1,
    instance(seed) {
      const loss = functionOf(name, 5, seed)
      const random = createRandom('spread', name, seed)
      const values = Array.from({ length: 400 }, () =>
        loss(Object.fromEntries(names(5).map((each) => [each, 10 * random.uniform() - 5]))),
      ).sort((a, b) => a - b)
      return single(loss, 0, 0.1 * ((values[300] as number) - (values[100] as number)))
    },
  }),
)

/** Many parameters of which three matter; the others move the value by a hundredth at most. */
export const sparse: readonly Problem[] = (
  [
    ['sphere', 20],
    ['rosenbrock', 30],
    ['powers', 40],
    ['rastrigin', 25],
  ] as const
).map(([name, n]) => ({
  family: 'sparse',
  name: `${name}3of${n}`,
  space: box(n),
  trials: 200,
  objectives: 1,
  instance(seed) {
    const loss = functionOf(name, 3, seed)
    const random = createRandom('sparse', name, seed)
    const matter = names(n)
      .map((each) => ({ each, at: random.uniform() }))
      .sort((a, b) => a.at - b.at)
      .slice(0, 3)
      .map(({ each }) => each)
    return single((hparams) => loss(Object.fromEntries(matter.map((each, i) => [`x${i}`, hparams[each] ?? 0]))), 0)
  },
}))
