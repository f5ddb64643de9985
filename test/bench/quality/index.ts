/**
 * How good samplers are where people search: eleven families of problems, alone and with 8 and 64 asynchronous workers, against other packages.
 * Seed by seed, so that a run that ends early has as many of each family. `--only FAMILY,…`, `--samplers tpe,auto`, `--workers 1,8,64`,
 * `--seeds N`, `--peers optuna-tpe,optuna-gp:2,smac:2,hebo:1` (of slow ones only one or two seeds; hebo takes minutes for one search); `--keep DIR` keeps outcomes there and finds them again;
 * `--seconds N`: nothing is searched after that; with 0 it reports on all that is kept.
 */
import type { BenchOptions, Report } from '../main.ts'
import { round } from '../statistics.ts'
import { ours, peersIn, type Contestant, type Peers } from './contestants.ts'
import { functions, noisy, sparse } from './functions.ts'
import { searchKept, type Search } from './kept.ts'
import type { Problem } from './problem.ts'
import { main, reportOf, type Setting } from './report.ts'
import type { Outcomes } from './score.ts'
import type { Outcome } from './search.ts'
import { several } from './several.ts'
import { spaces } from './spaces.ts'
import { tables } from './tables.ts'

const problems: readonly Problem[] = [...functions, ...noisy, ...sparse, ...spaces, ...tables, ...several]
/** Random search is the measure, so it is known better than the others. */
const randomSeeds = 3

const words = (given: string | undefined, fallback: readonly string[]) => given?.split(/[ ,]+(?![^{]*\})/) ?? fallback

/** One contestant, and for how many seeds. */
interface Entrant {
  readonly contestant: Contestant
  readonly seeds: number
}

/** By number of workers, contestant and problem. */
type Found = Map<string, Outcome[]>
const keyOf = (workers: number, name: string, problem: Problem) => `${workers}/${name}/${problem.name}`

export async function quality(say: (line: string) => void, options: BenchOptions): Promise<Report> {
  const { peer, seeds = 10, keep, seconds = Infinity } = options
  const names = new Set(problems.flatMap(({ family, name }) => [family, name]))
  const wanted = words(options.only, [...names])
  const unknown = wanted.filter((each) => !names.has(each))
  if (unknown.length > 0)
    throw new Error(`no family or problem ${unknown.join(', ')}: there are ${[...names].join(', ')}`)
  const chosen = problems.filter(({ family, name }) => wanted.includes(family) || wanted.includes(name))
  const workers = words(options.workers, ['1', '8', '64']).map(Number)
  const own = words(options.samplers, ['tpe', 'auto', 'motpe'])
  const peers = peer === undefined ? undefined : peersIn(peer)
  const found: Found = new Map()
  const started = performance.now()
  const spent = (since: number) => (performance.now() - since) / 1000
  const search = searchKept(keep, () => spent(started) >= seconds)
  try {
    const theirs = peers === undefined ? [] : await entrantsOf(peers, options.peers, seeds, say)
    const sides: readonly (readonly Entrant[])[] = [own.map((name) => ({ contestant: ours(name), seeds })), theirs]
    const settings = workers.flatMap((count) => chosen.map((problem) => ({ problem, workers: count })))
    for (let seed = 0; seed < seeds; seed++) {
      for (const problem of chosen) {
        for (let n = 0; n < randomSeeds; n++) {
          const at = randomSeeds * seed + n
          add(found, keyOf(1, 'random', problem), at, await search(ours('random'), problem, at, 1))
        }
      }
      // Ours in this process while theirs are in one of their own.
      const times = await Promise.all(sides.map((side) => searchAll(side, settings, seed, search, found)))
      const slowest = times.flat().map(([name, took]) => `${name} ${round(took, 1)}`)
      say(`seed ${seed + 1} of ${seeds}: ${round(spent(started), 0)} s so far; of this seed ${slowest.join(', ')} s`)
    }
    return reportOf(settingsOf(chosen, workers, [...own, ...theirs.map(({ contestant }) => contestant.name)], found), {
      own,
      peers: theirs.map(({ contestant }) => contestant.name),
      say,
    })
  } finally {
    peers?.stop()
  }
}

/** Seeds are compared one by one, so that none comes after one that is missing. */
function add(found: Found, key: string, seed: number, outcome: Outcome | undefined): void {
  const list = found.get(key) ?? []
  if (outcome === undefined || list.length !== seed) return
  list.push(outcome)
  found.set(key, list)
}

/** Those that the Python has. */
async function entrantsOf(
  peers: Peers,
  given: string | undefined,
  seeds: number,
  say: (line: string) => void,
): Promise<readonly Entrant[]> {
  const entrants: Entrant[] = []
  for (const word of words(given, [main, 'optuna-cmaes', 'optuna-nsga2', 'optuna-gp:2'])) {
    const [name = '', most] = word.split(':')
    const version = await peers.version(name)
    if (version === undefined) say(`${name} is not in that Python`)
    else {
      say(`${name}: version ${version}`)
      entrants.push({ contestant: peers.contestant(name), seeds: Math.min(seeds, Number(most ?? seeds)) })
    }
  }
  return entrants
}

/** One seed of all contestants of a side; the seconds that each took. */
async function searchAll(
  side: readonly Entrant[],
  settings: readonly { readonly problem: Problem; readonly workers: number }[],
  seed: number,
  search: Search,
  found: Found,
): Promise<readonly (readonly [name: string, seconds: number])[]> {
  const times: [string, number][] = []
  for (const { contestant, seeds } of side) {
    if (seed >= seeds) continue
    const started = performance.now()
    for (const { problem, workers } of settings) {
      if (!takes(contestant.name, problem)) continue
      const outcome = await search(contestant, problem, seed, workers)
      add(found, keyOf(workers, contestant.name, problem), seed, outcome)
    }
    times.push([contestant.name, (performance.now() - started) / 1000])
  }
  return times
}

/** A contestant is in a family if it takes all of its problems. */
function settingsOf(
  chosen: readonly Problem[],
  workers: readonly number[],
  names: readonly string[],
  found: Found,
): readonly Setting[] {
  return workers.flatMap((count) =>
    [...new Set(chosen.map(({ family }) => family))].map((family) => {
      const here = chosen.filter((problem) => problem.family === family)
      const outcomesOf = (name: string, of: number): Outcomes =>
        new Map(here.map((problem) => [problem.name, found.get(keyOf(of, name, problem)) ?? []]))
      const able = names.map((name) => [name, outcomesOf(name, count)] as const)
      return {
        family,
        workers: count,
        // How many are at work is nothing to random search.
        random: outcomesOf('random', 1),
        found: new Map(able.filter(([, outcomes]) => [...outcomes.values()].every(({ length }) => length > 0))),
      }
    }),
  )
}

/** Not every contestant takes every problem. */
function takes(name: string, { objectives, space }: Problem): boolean {
  const conditional = Object.values(space).some(({ when }) => when !== undefined)
  if (/^(smac|hebo|optuna-cmaes|optuna-gp)/.test(name) && objectives > 1) return false
  if (name.startsWith('optuna-nsga2') || name === 'nsga2' || name.startsWith('motpe')) return objectives > 1
  if (/^(optuna-cmaes|cmaes)/.test(name))
    return !conditional && !Object.values(space).some(({ type }) => type === 'categorical')
  return !(/^(tpe|gp)/.test(name) && objectives > 1)
}
