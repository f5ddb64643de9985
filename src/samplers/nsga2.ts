/**
 * NSGA-II: Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002, without
 * generations, for trials that end one by one: parents come out of the `population` best of all that are done, by front and then by
 * crowding distance. Trials that break a limit stand after all that keep them, by how far they are beyond (constrained domination, section
 * VI). Uniform crossover, which finds more in some hundred trials than a simulated binary one (bench quality, family several); polynomial
 * mutation (Deb and Goyal, 1996). Takes every space. Options:
 * - population (default: a tenth of the trials, from 10 to 50): how many of the best trials can be parents. While fewer trials are known,
 *   new ones come from a Sobol sequence.
 * - crossover (0.9): how likely a trial has two parents; swap (0.5): how likely each parameter comes from the second.
 * - mutation: how likely each parameter changes; default: one of them on average.
 */
import {
  own,
  type Hparams,
  type HparamValue,
  type Observation,
  type Parameter,
  type SearchSpace,
} from '../../protocol/index.ts'
import { keepingFirst } from '../pareto/index.ts'
import type { Random } from '../random/index.ts'
import { contains, fromUnit, sample, toUnit } from '../space/index.ts'
import { numberOption, refuseUnknown } from './options.ts'
import type { SamplerPlugin } from './sampler.ts'
import { fitsSobol, sobolPoints } from './sobol.ts'
import { newPoint, pointNames, triedPoints } from './tried.ts'

/** Distribution index of the mutation: the larger, the nearer to the parent. Small, for there are only dozens of generations. */
const mutationIndex = 5
const leastPopulation = 10
const mostPopulation = 50
const tries = 8

export const nsga2Sampler: SamplerPlugin = {
  name: 'nsga2',
  adaptive: true,
  create({ space, options, trials, seed }) {
    refuseUnknown('nsga2', options, ['population', 'crossover', 'swap', 'mutation'])
    const usual = Math.min(mostPopulation, Math.max(leastPopulation, Math.ceil(trials / 10)))
    const population = numberOption('nsga2', options, 'population', usual, { least: 2, whole: true })
    const probability = (name: string, fallback: number) =>
      numberOption('nsga2', options, name, fallback, { least: 0, most: 1 })
    const crossover = probability('crossover', 0.9)
    const swap = probability('swap', 0.5)
    const mutation = probability('mutation', 1 / Math.max(1, Object.keys(space).length))
    const early = fitsSobol(space) ? sobolPoints(space, seed) : undefined
    const triedIn = triedPoints(space)
    const isEndless = pointNames(space) === undefined

    return ({ history, tried = history, objectives, trial, point = trial, random }) => {
      const isTried = triedIn(tried)
      const parents = keepingFirst(
        history.filter(({ state }) => state === 'done'),
        objectives,
      ).slice(0, population)
      if (history.length < population || parents.length < 2) return newPoint(space, random, isTried, early?.(point))
      const known = new Set(history.map(({ hparams }) => JSON.stringify(hparams)))
      let child: Hparams | undefined
      for (let turn = 0; turn < tries; turn++) {
        child = bred(space, parents, random, { crossover, swap, mutation })
        // A child may break a condition or a constraint that both parents keep: such a child is not tried.
        if (contains(space, child) && !known.has(JSON.stringify(child))) return child
      }
      // This child is known. It is tried again only where there are no others.
      const again = !isEndless && child !== undefined && contains(space, child) ? child : undefined
      return newPoint(space, random, isTried, again)
    }
  },
}

interface Breeding {
  readonly crossover: number
  readonly swap: number
  readonly mutation: number
}

function bred(space: SearchSpace, parents: readonly Observation[], random: Random, how: Breeding): Hparams {
  const first = chosen(parents, random)
  const second = random.uniform() < how.crossover ? chosen(parents, random) : first
  const child: Hparams = {}
  const fresh = sample(space, random)
  for (const [name, value] of Object.entries(first)) {
    const inherited = random.uniform() < how.swap ? (own(second, name) ?? value) : value
    const parameter = own(space, name)
    const mutates = random.uniform() < how.mutation && parameter !== undefined
    child[name] = mutates ? mutated(parameter, inherited, random, own(fresh, name) ?? inherited) : inherited
  }
  return child
}

/** Binary tournament: the parents stand in the order of the crowded comparison. */
function chosen(parents: readonly Observation[], random: Random): Hparams {
  const winner = Math.min(random.integer(parents.length), random.integer(parents.length))
  return (parents[winner] as Observation).hparams
}

function mutated(parameter: Parameter, value: HparamValue, random: Random, fresh: HparamValue): HparamValue {
  if (parameter.type === 'categorical' || parameter.type === 'constant') return fresh
  const draw = random.uniform()
  const power = 1 / (mutationIndex + 1)
  const shift = draw < 0.5 ? (2 * draw) ** power - 1 : 1 - (2 * (1 - draw)) ** power
  return fromUnit(parameter, Math.min(1, Math.max(0, toUnit(parameter, value) + shift)))
}
