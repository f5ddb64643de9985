/** The samplers' mathematics against values that others computed: SciPy 1.x (`scipy.stats.norm`, `qmc.Sobol`, `multivariate_normal`), NumPy. */
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../src/random/index.ts'
import { advance, begin, constantsFor } from '../../src/samplers/cmaes/strategy.ts'
import { eigen } from '../../src/samplers/cmaes/eigen.ts'
import { promise } from '../../src/samplers/gp/acquisition.ts'
import { drawnValues } from '../../src/samplers/gp/draws.ts'
import { minimize } from '../../src/samplers/gp/lbfgs.ts'
import { misfit, posterior } from '../../src/samplers/gp/process.ts'
import { cumulative, deviation, logCumulative, logImprovement, mean } from '../../src/statistics/index.ts'
import { parzen } from '../../src/samplers/parzen.ts'
import { mostDimensions, sobolSequence, sobolWord } from '../../src/samplers/sobol-sequence.ts'

describe('the normal law', () => {
  it('has the values of scipy.stats.norm.cdf, in the tails too', () => {
    const published: [number, number][] = [
      [-8, 6.22096057427174e-16],
      [-3.5, 0.00023262907903552502],
      [-1, 0.15865525393145707],
      [0.5, 0.6914624612740131],
      [2.9, 0.998134186699616],
      [5, 0.9999997133484281],
    ]
    for (const [z, value] of published) expect(Math.abs(cumulative(z) / value - 1)).toBeLessThan(1e-11)
  })

  it('has the logarithm of expected improvement without cancellation', () => {
    const published: [number, number][] = [
      [-12, -77.90910054500735],
      [-3, -7.869686059603018],
      [-1.5, -3.5299359208057095],
      [0, -0.9189385332046727],
      [1, 0.08002621884930704],
      [4, 1.3862961474329032],
    ]
    for (const [z, value] of published) expect(logImprovement(z).value).toBeCloseTo(value, 9)
  })

  it('has slopes that agree with differences', () => {
    for (const z of [-30, -5, -1.001, -0.999, 0.3, 3]) {
      for (const of of [logImprovement, logCumulative]) {
        const difference = (of(z + 1e-5).value - of(z - 1e-5).value) / 2e-5
        expect(Math.abs(of(z).slope / difference - 1)).toBeLessThan(1e-4)
      }
    }
  })
})

describe('expected improvement', () => {
  it('is the closed form (J. Mockus, 1978): (best - mean) * cdf(z) + sd * pdf(z)', () => {
    const [mean, deviation, best] = [0.3, 0.5, 0.1]
    const z = (best - mean) / deviation
    const closed = (best - mean) * cumulative(z) + (deviation * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI)
    expect(promise('EI', mean, deviation, best, 2).value).toBeCloseTo(closed, 12)
    expect(promise('logEI', mean, deviation, best, 2).value).toBeCloseTo(Math.log(closed), 12)
    expect(Math.exp(promise('PI', mean, deviation, best, 2).value)).toBeCloseTo(cumulative(z), 12)
    expect(promise('LCB', mean, deviation, best, 2).value).toBeCloseTo(2 * deviation - mean, 12)
  })
})

describe('a Sobol sequence', () => {
  const gray = (index: number) => index ^ (index >>> 1)

  it("has the points of scipy.stats.qmc.Sobol (which counts in Gray's order)", () => {
    const published = [
      [0, 0, 0, 0, 0, 0],
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25, 0.25, 0.75, 0.75],
      [0.25, 0.75, 0.75, 0.75, 0.25, 0.25],
      [0.375, 0.375, 0.625, 0.875, 0.375, 0.125],
      [0.875, 0.875, 0.125, 0.375, 0.875, 0.625],
      [0.625, 0.125, 0.875, 0.625, 0.625, 0.875],
      [0.125, 0.625, 0.375, 0.125, 0.125, 0.375],
    ]
    const ours = published.map((point, index) => point.map((_, d) => sobolWord(gray(index), d) / 2 ** 32))
    expect(ours).toEqual(published)
  })

  it('has the 128th point of SciPy in 40 dimensions', () => {
    const published = [
      0.0078125, 0.6640625, 0.5546875, 0.6328125, 0.4765625, 0.3359375, 0.2421875, 0.0703125, 0.4140625, 0.5390625,
      0.6171875, 0.5859375, 0.8828125, 0.2578125, 0.6015625, 0.2734375, 0.9609375, 0.2109375, 0.6796875, 0.8046875,
      0.5390625, 0.4921875, 0.4140625, 0.8359375, 0.2421875, 0.4765625, 0.5390625, 0.0078125, 0.4609375, 0.3203125,
      0.4296875, 0.1328125, 0.5390625, 0.1015625, 0.9609375, 0.3828125, 0.2578125, 0.3828125, 0.4921875, 0.6015625,
    ]
    expect(published.map((_, d) => sobolWord(gray(127), d) / 2 ** 32)).toEqual(published)
  })

  it('has one point in each of 64 equal cells of every dimension, scrambled as it is', () => {
    const point = sobolSequence(mostDimensions, 5)
    const points = Array.from({ length: 64 }, (_, index) => point(index))
    for (let d = 0; d < mostDimensions; d++) {
      expect(new Set(points.map((each) => Math.floor((each[d] as number) * 64))).size).toBe(64)
    }
  })
})

describe('a Gaussian process', () => {
  const points = [
    [0.1, 0.2],
    [0.4, 0.9],
    [0.8, 0.5],
  ].map((point) => Float64Array.from(point))
  const values = [0.5, -1, 0.3]
  const kernel = { lengths: Float64Array.of(0.3, 0.7), signal: 1.5, noise: 0.01 }
  const data = { points, groups: [0, 1] }

  it('has the posterior that NumPy solves for', () => {
    const { mean, variance } = posterior(data, values, kernel).at([0.5, 0.5])
    expect(mean).toBeCloseTo(-0.4367919592279132, 8)
    expect(variance).toBeCloseTo(0.5360810037271844, 8)
  })

  it("has the likelihood of SciPy's multivariate normal, and a gradient that agrees with differences", () => {
    const theta = Float64Array.from([...kernel.lengths, kernel.signal, kernel.noise], Math.log)
    const gradient = new Float64Array(4)
    expect(misfit(data, values, [], theta, gradient)).toBeCloseTo(3.9888214024579383, 7)
    for (let index = 0; index < 4; index++) {
      const at = (by: number) =>
        misfit(data, values, [], theta.with(index, (theta[index] as number) + by), new Float64Array(4))
      expect(gradient[index]).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 6)
    }
  })

  it('has slopes of mean and variance that agree with differences', () => {
    const known = posterior(data, values, kernel)
    const slopes = { mean: new Float64Array(2), variance: new Float64Array(2) }
    known.at([0.3, 0.6], slopes)
    const [right, left] = [known.at([0.3 + 1e-5, 0.6]), known.at([0.3 - 1e-5, 0.6])]
    expect(slopes.mean[0]).toBeCloseTo((right.mean - left.mean) / 2e-5, 6)
    expect(slopes.variance[0]).toBeCloseTo((right.variance - left.variance) / 2e-5, 6)
  })

  it('draws functions that have the means and covariances of its posterior', () => {
    const joint = posterior(data, values, kernel).joint([
      [0.5, 0.5],
      [0.6, 0.4],
    ])
    const drawn = drawnValues(joint, 4000, createRandom('drawn'))
    const of = (point: number) => drawn.map((each) => each[point] as number)
    const [one, other] = [of(0), of(1)]
    expect(mean(one)).toBeCloseTo(-0.4367919592279132, 1)
    expect(deviation(one) ** 2).toBeCloseTo(0.5360810037271844, 1)
    const product = one.map((value, index) => (value - mean(one)) * ((other[index] as number) - mean(other)))
    expect(mean(product)).toBeCloseTo(joint.covariance[2] as number, 1)
  })
})

describe('L-BFGS', () => {
  it('finds the bottom of a valley, and the edge of a box that shuts it out', () => {
    const rosenbrock = (x: Float64Array, gradient: Float64Array) => {
      const [a, b] = [x[0] as number, x[1] as number]
      gradient.set([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])
      return 100 * (b - a * a) ** 2 + (1 - a) ** 2
    }
    const open = minimize(rosenbrock, Float64Array.of(-1.2, 1), { low: [-5, -5], high: [5, 5] }, 200)
    expect(open.value).toBeLessThan(1e-6)
    const shut = minimize(rosenbrock, Float64Array.of(-1.2, 1), { low: [-5, -5], high: [0.5, 5] }, 200)
    expect(shut.x[0]).toBeCloseTo(0.5, 6)
    expect(shut.x[1]).toBeCloseTo(0.25, 4)
  })
})

describe('CMA-ES', () => {
  it("has the constants of Hansen's tutorial for 10 dimensions (computed from its table 1 in Python)", () => {
    const { lambda, mu, muEff, weights, cSigma, cC, c1, cMu } = constantsFor(10)
    expect([lambda, mu]).toEqual([10, 5])
    expect(muEff).toBeCloseTo(3.167299, 5)
    const published = [0.456273, 0.270753, 0.162231, 0.085234, 0.02551]
    for (const [index, weight] of published.entries()) expect(weights[index]).toBeCloseTo(weight, 5)
    expect(cSigma).toBeCloseTo(0.284429, 5)
    expect(cC).toBeCloseTo(0.294995, 5)
    expect(c1).toBeCloseTo(0.015284, 5)
    expect(cMu).toBeCloseTo(0.023552, 5)
  })

  it('finds the bottom of an ellipsoid that is drawn out a thousandfold', () => {
    const loss = (x: Float64Array) => x.reduce((sum, value, i) => sum + 10 ** (2 * i) * (value - 0.3) ** 2, 0)
    const random = createRandom('ellipsoid')
    let state = begin(new Float64Array(4).fill(0.5), 0.2)
    for (let generation = 0; generation < 200; generation++) {
      const points = Array.from({ length: state.constants.lambda }, () => {
        const { axes, scales, mean, sigma } = state
        const z = scales.map((scale) => scale * random.normal())
        return mean.map(
          (value, i) => value + sigma * z.reduce((sum, part, k) => sum + (axes[i * 4 + k] as number) * part, 0),
        )
      })
      state = advance(
        state,
        points.sort((a, b) => loss(a) - loss(b)),
      )
    }
    expect(loss(state.mean)).toBeLessThan(1e-10)
  })

  it('takes a symmetric matrix apart into values and vectors', () => {
    const { values, vectors } = eigen(Float64Array.of(2, 1, 1, 2), 2)
    expect([...values].sort((a, b) => a - b)).toEqual([expect.closeTo(1, 12), expect.closeTo(3, 12)])
    expect(Math.abs(vectors[0] as number)).toBeCloseTo(Math.SQRT1_2, 12)
  })
})

describe('a Parzen estimator', () => {
  it('is a density: it integrates to 1 over the unit interval', () => {
    const rows = [0.1, 0.15, 0.7].map((value) => Float64Array.of(value))
    const dimensions = [{ kind: 'number', count: Infinity, column: 0 }] as const
    const density = parzen(dimensions, rows, [1, 1, 1], { priorWeight: 1, widening: 1, smoothing: 0.2 })
    const cells = 10_000
    let total = 0
    for (let cell = 0; cell < cells; cell++) {
      total += Math.exp(density.logDensity(Float64Array.of((cell + 0.5) / cells))) / cells
    }
    expect(total).toBeCloseTo(1, 5)
  })

  it('gives the choices of a categorical chances that sum to 1', () => {
    const dimensions = [{ kind: 'choice', count: 3, column: 0 }] as const
    const rows = [Float64Array.of(1), Float64Array.of(1)]
    const density = parzen(dimensions, rows, [1, 1], { priorWeight: 1, widening: 1, smoothing: 0.2 })
    const chances = [0, 1, 2].map((choice) => Math.exp(density.logDensity(Float64Array.of(choice))))
    expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 10)
    expect(chances[1]).toBeGreaterThan(0.5)
  })
  it('gives levels the mass of their cells: near ones more than far ones, and 1 in all', () => {
    const edges = Float64Array.of(0, 0.1, 0.3, 0.6, 1)
    const dimensions = [{ kind: 'level', count: 4, edges, column: 0 }] as const
    const chancesFor = (rows: readonly Float64Array[]) => {
      const options = { priorWeight: 1, widening: 1, smoothing: 0.2 }
      const density = parzen(
        dimensions,
        rows,
        rows.map(() => 1),
        options,
      )
      return [0, 1, 2, 3].map((level) => Math.exp(density.logDensity(Float64Array.of(level))))
    }
    // Nothing seen: the space's own law, which is the size of the cells.
    expect(chancesFor([])).toEqual([0.1, 0.2, 0.3, 0.4].map((size) => expect.closeTo(size, 10)))
    const [a = 0, b = 0, c = 0, d = 0] = chancesFor([Float64Array.of(0), Float64Array.of(0), Float64Array.of(1)])
    expect(a + b + c + d).toBeCloseTo(1, 6)
    expect(a / 0.1).toBeGreaterThan(c / 0.3)
    expect(c / 0.3).toBeGreaterThan(d / 0.4)
  })
})
