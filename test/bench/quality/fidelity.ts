/**
 * Stopping early and growing budgets, judged on recorded learning curves: how good the best trial is for the steps that were trained, as a
 * share of what random search leaves with the same number of steps and no stopping.
 */
import type { MetricPoint } from '../../../protocol/index.ts'
import { createSession, type OptimizerPlugin } from '../../../src/optimizer/index.ts'
import { createPruner, type ReportedTrial } from '../../../src/pruners/index.ts'
import { createRandom } from '../../../src/random/index.ts'
import { builtinSamplers } from '../../../src/samplers/index.ts'
import { builtinSchedulers } from '../../../src/schedulers/index.ts'
import { mean } from '../../../src/statistics/index.ts'
import type { BenchOptions, Report } from '../main.ts'
import { round } from '../statistics.ts'
import { tableOf, type Table } from './tables.ts'

const objectives = [{ metric: 'value', direction: 'minimize' as const }]
const stopping = { name: 'auto', options: {} }
const median = { name: 'median', options: { minFinished: 4, against: 'value' } }
const ways = {
  random: { optimizer: 'random', pruner: null },
  'random+median': { optimizer: 'random', pruner: median },
  'random+auto': { optimizer: 'random', pruner: stopping },
  tpe: { optimizer: 'tpe', pruner: null },
  'tpe+median': { optimizer: 'tpe', pruner: median },
  'tpe+auto': { optimizer: 'tpe', pruner: stopping },
  auto: { optimizer: 'auto', pruner: null },
  'auto+median': { optimizer: 'auto', pruner: median },
  'auto+auto': { optimizer: 'auto', pruner: stopping },
  asha: { optimizer: 'asha', pruner: null },
  hyperband: { optimizer: 'hyperband', pruner: null },
  bohb: { optimizer: 'bohb', pruner: null },
} as const
type Way = keyof typeof ways

/** Whole trainings' worth of steps after which it is looked at. */
const checkpoints = [10, 25, 50]

/** The regret of the best trial after so many whole trainings' worth of steps. */
async function searched(table: Table, way: Way, seed: number): Promise<number[]> {
  const { optimizer, pruner } = ways[way]
  const { space, steps, seeds } = table
  const schedules = builtinSchedulers.get(optimizer)
  const plugin = (schedules ?? builtinSamplers.get(optimizer)) as OptimizerPlugin
  const options =
    schedules === undefined ? {} : { maxBudget: steps, ...(optimizer === 'asha' ? { reductionFactor: 3 } : {}) }
  const most = checkpoints.at(-1) as number
  const session = createSession(plugin, { space, objectives, trials: most, seed, options, history: [] })
  const judge = createPruner(pruner, objectives)
  let reported: readonly ReportedTrial[] = []
  const regrets: number[] = []
  let best = { value: Infinity, regret: table.most - table.least }
  let spent = 0
  /** The trial with which the training of each began, and how far it went. */
  const origins = new Map<number, number>()
  const reach = new Map<number, number>()
  const pass = (upTo: number) => {
    for (const checkpoint of checkpoints.slice(regrets.length)) if (upTo > checkpoint * steps) regrets.push(best.regret)
  }
  for (let trial = 0; regrets.length < checkpoints.length; trial++) {
    const { hparams: answers, fidelities } = await session.suggest(trial, 1)
    const [hparams] = answers
    if (hparams === undefined) break
    const fidelity = fidelities?.[0]
    // A trial that continues another goes on with the same training.
    const from = fidelity?.from ?? null
    const origin = from === null ? trial : (origins.get(from) ?? from)
    origins.set(trial, origin)
    const curve = table.curve(hparams, createRandom('curve', seed, origin).integer(seeds))
    const begin = from === null ? 0 : (reach.get(from) ?? 0)
    const end = Math.min(steps, Math.round(fidelity?.budget ?? steps))
    const points: MetricPoint[] = []
    let step = begin
    let stopped = false
    while (step < end && !stopped) {
      step++
      points.push({ step, at: step, values: { value: curve[step - 1] as number } })
      stopped = step < steps && judge(reported, { trial, state: 'running', points }) === 'stop'
    }
    reach.set(trial, step)
    pass(spent + step - begin)
    spent += step - begin
    const value = curve[Math.max(0, step - 1)] as number
    // As in a result: a trial that was stopped is not the best.
    if (!stopped && value < best.value) best = { value, regret: table.mean(hparams) - table.least }
    const state = stopped ? ('pruned' as const) : ('done' as const)
    reported = [...reported, { trial, state, points, ...(stopped ? {} : { metrics: { value } }) }]
    session.observe([{ trial, hparams, state, metrics: { value }, step, ...(fidelity && { fidelity }) }])
  }
  while (regrets.length < checkpoints.length) regrets.push(best.regret)
  return regrets
}

export async function fidelity(say: (line: string) => void, { seeds = 10, only }: BenchOptions): Promise<Report> {
  const figures: Record<string, string> = {}
  const wanted = only?.split(',') ?? Object.keys(ways)
  for (const name of ['perceptron', 'boosting']) {
    const table = tableOf(name)
    const usual = await meansOf(table, 'random', 3 * seeds)
    for (const way of Object.keys(ways) as Way[]) {
      if (!wanted.includes(way)) continue
      const found = await meansOf(table, way, seeds)
      const shares = found.map((regret, at) => round(regret / (usual[at] as number), 3))
      figures[`${name}.${way}`] = shares.map((share, at) => `${checkpoints[at]}: ${share}`).join(', ')
      say(`${name.padEnd(12)} ${way.padEnd(14)} ${figures[`${name}.${way}`]}`)
    }
  }
  return { figures, bars: {} }
}

async function meansOf(table: Table, way: Way, seeds: number): Promise<number[]> {
  const all: number[][] = []
  for (let seed = 0; seed < seeds; seed++) all.push(await searched(table, way, seed))
  return checkpoints.map((_, at) => mean(all.map((regrets) => regrets[at] as number)))
}
