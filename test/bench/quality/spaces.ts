/** Problems whose difficulty is the space: levels and choices, conditions, regions in which trials fail. */
import type { Hparams, SearchSpace } from '../../../protocol/index.ts'
import { createRandom } from '../../../src/random/index.ts'
import { enumerate, space, toUnit } from '../../../src/space/index.ts'
import { box, functionOf } from './functions.ts'
import { single, type Instance, type Problem } from './problem.ts'

const square = (value: number): number => value * value

/** A smooth valley over levels, and for choices an effect each and one for pairs of them; by chance. */
function landscape(given: SearchSpace, seed: number, ruggedness: number): (hparams: Hparams) => number {
  const random = createRandom('landscape', JSON.stringify(Object.keys(given)), seed)
  const effects = Object.entries(given).map(([name, parameter]) => {
    const weight = Math.exp(random.normal())
    const centre = random.uniform()
    const table =
      parameter.type === 'categorical' ? parameter.choices.map(() => square(random.normal())) : ([] as number[])
    return { name, parameter, weight, centre, table }
  })
  const pairs = effects.slice(1).map((effect, index) => ({ one: effects[index], other: effect, pull: random.normal() }))
  const standing = ({ name, parameter, centre, table }: (typeof effects)[number], hparams: Hparams) =>
    parameter.type === 'categorical'
      ? (table[parameter.choices.indexOf(hparams[name] as never)] ?? 0) / 3
      : toUnit(parameter, hparams[name] ?? 0) - centre
  return (hparams) => {
    let value = 0
    for (const effect of effects) {
      const at = standing(effect, hparams)
      value += effect.weight * (effect.parameter.type === 'categorical' ? at : 4 * square(at))
    }
    for (const { one, other, pull } of pairs) {
      if (one !== undefined) value += 0.5 * pull * standing(one, hparams) * standing(other, hparams)
    }
    if (ruggedness > 0) value += ruggedness * createRandom('rough', seed, JSON.stringify(hparams)).uniform()
    return value
  }
}

function gridded(name: string, given: SearchSpace, trials: number, noise: number, ruggedness: number): Problem {
  return {
    family: 'grids',
    name,
    space: given,
    trials,
    objectives: 1,
    instance(seed) {
      const loss = landscape(given, seed, ruggedness)
      const all = enumerate(given)
      let least = Infinity
      let most = -Infinity
      for (let index = 0; index < (all?.size ?? 0); index++) {
        const value = loss(all?.at(index) as Hparams)
        least = Math.min(least, value)
        most = Math.max(most, value)
      }
      return single(loss, least, noise * (most - least))
    },
  }
}

const levels = (...values: number[]) => space.discrete(values)
const grids: readonly Problem[] = [
  gridded(
    'ordinals',
    {
      a: levels(1, 2, 4, 8, 16, 32),
      b: space.integer(1, 10),
      c: space.double(0, 0.8, { step: 0.1 }),
      d: levels(1, 3, 9),
      e: levels(0.1, 0.2, 0.5, 1),
    },
    100,
    0.03,
    0,
  ),
  gridded(
    'choices',
    {
      a: space.categorical(['p', 'q', 'r', 's', 't', 'u']),
      b: space.categorical(['k', 'l', 'm', 'n']),
      c: space.categorical([1, 2, 3, 4, 5, 6, 7, 8]),
      d: space.categorical([true, false]),
      e: space.categorical(['x', 'y', 'z']),
    },
    100,
    0.03,
    0.1,
  ),
  gridded(
    'both',
    {
      rate: levels(1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1),
      width: levels(8, 16, 32, 64, 128, 256),
      depth: space.integer(1, 4),
      kind: space.categorical(['relu', 'tanh', 'gelu', 'none']),
      batch: levels(16, 32, 64, 128),
    },
    100,
    0.02,
    0.2,
  ),
]

const when = (parameter: string, ...values: string[]) => ({ when: { parameter, in: values } })
const optimizers: SearchSpace = {
  optimizer: space.categorical(['sgd', 'adam', 'lbfgs']),
  rate: space.double(1e-5, 1, { log: true }),
  momentum: space.double(0, 0.99, when('optimizer', 'sgd')),
  beta1: space.double(0.5, 0.999, when('optimizer', 'adam')),
  beta2: space.double(0.9, 0.9999, when('optimizer', 'adam')),
  memory: space.integer(1, 30, when('optimizer', 'lbfgs')),
}
function optimizerLoss(shift: number): (hparams: Hparams) => number {
  return ({ optimizer, rate, momentum, beta1, beta2, memory }) => {
    const log = Math.log10(Number(rate)) + shift
    if (optimizer === 'sgd') return 0.1 + square(log + 1.5) + 2 * square(Number(momentum) - 0.9)
    if (optimizer === 'adam')
      return square(log + 3) + 4 * square(Number(beta1) - 0.9) + 100 * square(Number(beta2) - 0.99)
    return 0.3 + square(log) / 2 + square((Number(memory) - 10) / 20)
  }
}
/** A pipeline: a model of four, each with parameters of its own, and preparation in front of it. */
const pipeline: SearchSpace = {
  scale: space.categorical(['none', 'standard', 'quantile']),
  quantiles: space.integer(4, 64, { log: true, ...when('scale', 'quantile') }),
  model: space.categorical(['linear', 'forest', 'svm', 'mlp']),
  penalty: space.double(1e-4, 100, { log: true, ...when('model', 'linear', 'svm') }),
  gamma: space.double(1e-4, 10, { log: true, ...when('model', 'svm') }),
  trees: space.integer(10, 300, { log: true, ...when('model', 'forest') }),
  leaf: space.integer(1, 20, when('model', 'forest')),
  rate: space.double(1e-4, 0.5, { log: true, ...when('model', 'mlp') }),
  units: space.integer(4, 256, { log: true, ...when('model', 'mlp') }),
  dropout: space.double(0, 0.7, when('model', 'mlp')),
}
function pipelineLoss(seed: number): (hparams: Hparams) => number {
  const random = createRandom('pipeline', seed)
  const centre = Object.fromEntries(Object.keys(pipeline).map((name) => [name, 0.15 + 0.7 * random.uniform()]))
  const floor = Object.fromEntries(['linear', 'forest', 'svm', 'mlp'].map((model) => [model, 0.3 * random.uniform()]))
  const offset = Object.fromEntries(['none', 'standard', 'quantile'].map((scale) => [scale, 0.2 * random.uniform()]))
  const base = Math.min(...Object.values(floor)) + Math.min(...Object.values(offset))
  return (hparams) => {
    let value = (floor[String(hparams['model'])] ?? 0) + (offset[String(hparams['scale'])] ?? 0) - base
    for (const [name, parameter] of Object.entries(pipeline)) {
      const own = hparams[name]
      if (parameter.type === 'categorical' || own === undefined) continue
      value += square(toUnit(parameter, own) - (centre[name] as number)) * (name === 'quantiles' ? 0.3 : 2)
    }
    return value
  }
}
const conditional: readonly Problem[] = [
  {
    family: 'conditional',
    name: 'optimizers',
    space: optimizers,
    trials: 100,
    objectives: 1,
    instance: (seed) => single(optimizerLoss(createRandom('shift', seed).uniform() - 0.5), 0),
  },
  {
    family: 'conditional',
    name: 'pipeline',
    space: pipeline,
    trials: 100,
    objectives: 1,
    instance: (seed) => single(pipelineLoss(seed), 0),
  },
  {
    family: 'conditional',
    name: 'pipeline-noisy',
    space: pipeline,
    trials: 100,
    objectives: 1,
    instance: (seed) => single(pipelineLoss(seed), 0, 0.05),
  },
]

/** Trials fail beyond a plane near the optimum: the half in which it does not lie. */
function failing(name: string, n: number): Problem {
  return {
    family: 'failing',
    name: `failing-${name}`,
    space: box(n),
    trials: 100,
    objectives: 1,
    instance(seed): Instance {
      const loss = functionOf(name, n, seed)
      const random = createRandom('failing', name, seed)
      const plane = Array.from({ length: n }, () => random.normal())
      const length = Math.hypot(...plane)
      const optimum = (() => {
        const again = createRandom('referee', name, n, seed)
        return Array.from({ length: n }, () => 8 * again.uniform() - 4)
      })()
      const at = (x: readonly number[]) => x.reduce((sum, v, i) => sum + (v * (plane[i] as number)) / length, 0)
      const bound = at(optimum) + 0.3
      const xs = (hparams: Hparams) => Array.from({ length: n }, (_, i) => Number(hparams[`x${i}`]))
      const fails = (hparams: Hparams) => at(xs(hparams)) > bound
      return {
        measure: (hparams) => (fails(hparams) ? undefined : [loss(hparams)]),
        truth: (hparams) => [loss(hparams)],
        ideal: 0,
      }
    },
  }
}

export const spaces: readonly Problem[] = [
  ...grids,
  ...conditional,
  failing('sphere', 5),
  failing('rosenbrock', 4),
  failing('rastrigin', 5),
]
