/** Functions to be minimized: five known ones in any number of dimensions, a mixed and a conditional space of our own. */
import type { Hparams, SearchSpace } from '../../protocol/index.ts'
import { space } from '../../src/space/index.ts'

export interface Problem {
  readonly name: string
  readonly space: SearchSpace
  readonly loss: (hparams: Hparams) => number
}

const { PI, E } = Math
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const square = (value: number): number => value * value

interface Continuous {
  readonly low: number
  readonly high: number
  readonly at: (x: readonly number[]) => number
}

/** Domains as the peer has them. */
export const continuous: Readonly<Record<string, Continuous>> = {
  sphere: { low: -5, high: 5, at: (x) => sum(x.map(square)) },
  rosenbrock: {
    low: -5,
    high: 10,
    at: (x) => sum(x.slice(1).map((b, i) => 100 * square(b - square(x[i] as number)) + square(1 - (x[i] as number)))),
  },
  rastrigin: {
    low: -5.12,
    high: 5.12,
    at: (x) => 10 * x.length + sum(x.map((v) => square(v) - 10 * Math.cos(2 * PI * v))),
  },
  ackley: {
    low: -32.768,
    high: 32.768,
    at: (x) =>
      -20 * Math.exp(-0.2 * Math.sqrt(sum(x.map(square)) / x.length)) -
      Math.exp(sum(x.map((v) => Math.cos(2 * PI * v))) / x.length) +
      20 +
      E,
  },
  levy: {
    low: -10,
    high: 10,
    at(x) {
      const w = x.map((v) => 1 + (v - 1) / 4)
      const last = w.at(-1) as number
      const middle = w.slice(0, -1).map((v) => square(v - 1) * (1 + 10 * square(Math.sin(PI * v + 1))))
      const end = square(last - 1) * (1 + square(Math.sin(2 * PI * last)))
      return square(Math.sin(PI * (w[0] as number))) + sum(middle) + end
    },
  },
}

export function continuousProblem(name: string, dimensions: number): Problem {
  const { low, high, at } = continuous[name] as Continuous
  const names = Array.from({ length: dimensions }, (_, index) => `x${index}`)
  return {
    name: `${name}${dimensions}`,
    space: Object.fromEntries(names.map((each) => [each, space.double(low, high)])),
    loss: (hparams) => at(names.map((each) => Number(hparams[each]))),
  }
}

/** A learning curve's shape: a valley in the logarithm of the rate, a width that should be large, choices that interact. */
const mixed: Problem = {
  name: 'mixed',
  space: {
    rate: space.double(1e-5, 1, { log: true }),
    width: space.integer(8, 512, { log: true }),
    depth: space.integer(1, 8),
    dropout: space.double(0, 0.6, { step: 0.1 }),
    activation: space.categorical(['relu', 'tanh', 'gelu', 'none']),
    batch: space.discrete([16, 32, 64, 128, 256]),
  },
  loss({ rate, width, depth, dropout, activation, batch }) {
    const best = { relu: -2.5, tanh: -3, gelu: -2.8, none: -1 }[String(activation)] ?? 0
    const penalty = { relu: 0.05, tanh: 0.15, gelu: 0, none: 0.6 }[String(activation)] ?? 1
    const valley = square(Math.log10(Number(rate)) - best - 0.3 * Math.log2(Number(batch) / 64))
    const size = square((Math.log2(Number(width)) - 7.5) / 3) + square((Number(depth) - 4) / 4)
    return valley + size + penalty + square(Number(dropout) - 0.3) * Number(depth)
  },
}

/** Each optimizer with parameters of its own. */
const conditional: Problem = {
  name: 'conditional',
  space: {
    optimizer: space.categorical(['sgd', 'adam', 'lbfgs']),
    rate: space.double(1e-5, 1, { log: true }),
    momentum: space.double(0, 0.99, { when: { parameter: 'optimizer', in: ['sgd'] } }),
    beta1: space.double(0.5, 0.999, { when: { parameter: 'optimizer', in: ['adam'] } }),
    beta2: space.double(0.9, 0.9999, { when: { parameter: 'optimizer', in: ['adam'] } }),
    memory: space.integer(1, 30, { when: { parameter: 'optimizer', in: ['lbfgs'] } }),
  },
  loss({ optimizer, rate, momentum, beta1, beta2, memory }) {
    const log = Math.log10(Number(rate))
    if (optimizer === 'sgd') return 0.1 + square(log + 1.5) + 2 * square(Number(momentum) - 0.9)
    if (optimizer === 'adam')
      return square(log + 3) + 4 * square(Number(beta1) - 0.9) + 100 * square(Number(beta2) - 0.99)
    return 0.3 + square(log) / 2 + square((Number(memory) - 10) / 20)
  },
}

export const problems: readonly Problem[] = [
  ...Object.keys(continuous).flatMap((name) => [5, 10].map((dimensions) => continuousProblem(name, dimensions))),
  mixed,
  conditional,
]
