/**
 * How good samplers are where people search: ten families of problems, alone and with asynchronous workers, against other packages.
 * `--only FAMILY,…`, `--samplers tpe,auto`, `--workers 1,8,64`, `--seeds N`; `--keep DIR` keeps outcomes there, so that those of a peer need not be
 * found again (throw it away when a problem changes).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchOptions, Report } from '../main.ts'
import { round } from '../statistics.ts'
import { ours, peersIn, type Contestant } from './contestants.ts'
import { functions, noisy, sparse } from './functions.ts'
import type { Problem } from './problem.ts'
import { interval, ranks, shares, verdict, type Outcomes } from './score.ts'
import { checkpoints, searched, type Outcome } from './search.ts'
import { several } from './several.ts'
import { spaces } from './spaces.ts'
import { tables } from './tables.ts'

const problems: readonly Problem[] = [...functions, ...noisy, ...sparse, ...spaces, ...tables, ...several]
/** With several workers only these are searched: the smooth and rugged functions, the tables, and several objectives. */
const inParallel = new Set(['unimodal', 'conditioned', 'multimodal', 'tables', 'several'])
const main = 'optuna-tpe'

const words = (given: string | undefined, fallback: readonly string[]) => given?.split(/[ ,]+(?![^{]*\})/) ?? fallback
const told = (value: number) => round(value, 3)

export async function quality(say: (line: string) => void, options: BenchOptions): Promise<Report> {
  const { peer, seeds = 10, keep } = options
  const families = words(options.only, [...new Set(problems.map(({ family }) => family))])
  const chosen = problems.filter(({ family, name }) => families.includes(family) || families.includes(name))
  const own = words(options.samplers, ['tpe', 'auto'])
  const theirs = peer === undefined ? [] : words(options.peers, [main, 'optuna-gp', 'optuna-cmaes', 'optuna-nsga2'])
  const peers = peer === undefined ? undefined : peersIn(peer)
  const contestants = [...own.map(ours), ...theirs.flatMap((name) => peers?.contestant(name) ?? [])]
  const figures: Record<string, number | string> = {}
  const bars: Record<string, string> = {}
  const search = searchKept(keep, new Set(theirs))
  try {
    for (const workers of words(options.workers, ['1']).map(Number)) {
      for (const family of new Set(chosen.map((problem) => problem.family))) {
        if (workers > 1 && !inParallel.has(family)) continue
        const here = chosen.filter((problem) => problem.family === family)
        const able = contestants.filter(({ name }) => here.every((problem) => takes(name, problem)))
        const random = await outcomesOf(ours('random'), here, 3 * seeds, workers, search)
        const found = new Map<string, ReadonlyMap<string, readonly number[]>>()
        const label = workers === 1 ? family : `${family}x${workers}`
        for (const contestant of able) {
          const started = process.cpuUsage()
          const outcomes = await outcomesOf(contestant, here, seeds, workers, search)
          const spent = process.cpuUsage(started)
          const share = shares(outcomes, random)
          found.set(contestant.name, share)
          const { mean, low, high } = interval(share)
          const key = `${label}.${contestant.name}`
          figures[key] = told(mean)
          figures[`${key}.interval`] = `${told(low)} to ${told(high)}`
          const points = Math.min(...[...outcomes.values()].map(([one]) => one?.curve.length ?? 0))
          const curve = Array.from(
            { length: points },
            (_, at) => interval(shares(outcomes, random, points - 1 - at)).mean,
          )
          figures[`${key}.curve`] = curve.map((value, at) => `${checkpoints[at]}: ${told(value)}`).join(', ')
          const repeats = [...outcomes.values()]
            .flat()
            .reduce((sum, each, _, all) => sum + each.repeats / all.length, 0)
          figures[`${key}.repeats`] = told(repeats)
          const seconds = (spent.user + spent.system) / 1e6
          say(
            `${label.padEnd(14)} ${contestant.name.padEnd(14)} ${told(mean)} (${told(low)} to ${told(high)})  ${figures[`${key}.curve`]}  repeats ${told(repeats)}  ${round(seconds, 1)} s`,
          )
          for (const [problem, list] of share)
            say(`    ${problem.padEnd(18)} ${told(list.reduce((a, b) => a + b, 0) / list.length)}`)
        }
        for (const [name, rank] of ranks(found)) figures[`${label}.${name}.rank`] = round(rank, 2)
        const bar = found.get(main)
        for (const name of own) {
          const share = found.get(name)
          if (bar === undefined || share === undefined) continue
          const difference = interval(share, bar)
          const verdicts = [...share].map(([problem, list]) => verdict(list, bar.get(problem) ?? []))
          const count = (which: number) => verdicts.filter((each) => each === which).length
          const key = `${label}.${name} - ${main}`
          figures[key] =
            `${told(difference.mean)} (${told(difference.low)} to ${told(difference.high)}); win/tie/loss ${count(1)}/${count(0)}/${count(-1)}`
          say(`${key}: ${figures[key]}`)
        }
      }
    }
  } finally {
    peers?.stop()
  }
  return { figures, bars }
}

/** Not every contestant takes every problem. */
function takes(name: string, { objectives, space }: Problem): boolean {
  const conditional = Object.values(space).some(({ when }) => when !== undefined)
  if (/^(smac|optuna-cmaes)/.test(name) && objectives > 1) return false
  if (name.startsWith('optuna-nsga2') || name === 'nsga2' || name.startsWith('motpe')) return objectives > 1
  if (/^(optuna-cmaes|cmaes)/.test(name))
    return !conditional && !Object.values(space).some(({ type }) => type === 'categorical')
  return !(/^(tpe|gp)/.test(name) && objectives > 1)
}

type Search = (contestant: Contestant, problem: Problem, seed: number, workers: number) => Promise<Outcome>

/** Looks up the outcomes of peers and of random search, which do not change, before it searches. */
function searchKept(directory: string | undefined, lasting: ReadonlySet<string>): Search {
  if (directory === undefined) return searched
  mkdirSync(directory, { recursive: true })
  return async (contestant, problem, seed, workers) => {
    if (contestant.name !== 'random' && !lasting.has(contestant.name))
      return searched(contestant, problem, seed, workers)
    const file = join(directory, `${contestant.name}.${problem.name}.${seed}.${workers}.json`)
    try {
      return JSON.parse(readFileSync(file, 'utf8'), (_, value: unknown) => value ?? Number.NaN) as Outcome
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    }
    const outcome = await searched(contestant, problem, seed, workers)
    writeFileSync(file, JSON.stringify(outcome))
    return outcome
  }
}

async function outcomesOf(
  contestant: Contestant,
  here: readonly Problem[],
  seeds: number,
  workers: number,
  search: Search,
): Promise<Outcomes> {
  const found = new Map<string, readonly Outcome[]>()
  for (const problem of here) {
    const list: Outcome[] = []
    for (let seed = 0; seed < seeds; seed++) list.push(await search(contestant, problem, seed, workers))
    found.set(problem.name, list)
  }
  return found
}
