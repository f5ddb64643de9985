/** What a run of `bench -- quality` came to, as figures: each family with each number of workers, and how many of them meet the bars. */
import type { Report } from '../main.ts'
import { round } from '../statistics.ts'
import { interval, ranks, shares, verdict, type Interval, type Outcomes, type Scores } from './score.ts'
import { checkpoints } from './search.ts'

/** All searches of one family with so many workers. */
export interface Setting {
  readonly family: string
  readonly workers: number
  readonly random: Outcomes
  /** By contestant. */
  readonly found: ReadonlyMap<string, Outcomes>
}

export interface Asked {
  readonly own: readonly string[]
  readonly peers: readonly string[]
  readonly say: (line: string) => void
}

/** The peer that `tpe` is held to. */
export const main = 'optuna-tpe'
/** Regret may be so many times that of a search alone, by workers. */
const mostOfAlone: Readonly<Record<number, number>> = { 8: 1.05, 64: 1.25 }

const told = (value: number) => round(value, 3)
const between = ({ mean, low, high }: Interval) => `${told(mean)} (${told(low)} to ${told(high)})`
const labelOf = ({ family, workers }: Setting) => (workers === 1 ? family : `${family}x${workers}`)

export function reportOf(settings: readonly Setting[], { own, peers, say }: Asked): Report {
  const figures: Record<string, number | string> = {}
  const bars: Record<string, string> = {}
  /** By sampler of ours and number of workers, the families in which it is as good as it has to be, and all. */
  const tallies = new Map<string, { held: number; better: number; all: number }>()
  const tally = (key: string, held: boolean, better: boolean) => {
    const { held: before, better: betterBefore, all } = tallies.get(key) ?? { held: 0, better: 0, all: 0 }
    tallies.set(key, { held: before + Number(held), better: betterBefore + Number(better), all: all + 1 })
  }
  for (const setting of settings) {
    const { family, workers, random } = setting
    const label = labelOf(setting)
    const scores = new Map([...setting.found].map(([name, outcomes]) => [name, shares(outcomes, random)]))
    const alone = settings.find((other) => other.family === family && other.workers === 1)
    const rank = ranks(scores)
    for (const [name, outcomes] of setting.found) {
      const key = `${label}.${name}`
      const share = scores.get(name) as Scores
      const { mean, ...bounds } = interval([share], Number)
      const seeds = seedsOf(share)
      figures[key] = told(mean)
      figures[`${key}.interval`] = `${told(bounds.low)} to ${told(bounds.high)}; ${seeds} seeds`
      figures[`${key}.curve`] = curveOf(outcomes, random)
      const all = [...outcomes.values()].flat()
      figures[`${key}.repeats`] = told(all.reduce((sum, { repeats }) => sum + repeats / all.length, 0))
      figures[`${key}.rank`] = round(rank.get(name) as number, 2)
      say(`${label.padEnd(16)} ${name.padEnd(14)} ${between({ mean, ...bounds })}  ${figures[`${key}.curve`]}`)
      for (const [problem, list] of share) {
        say(`    ${problem.padEnd(18)} ${told(list.reduce((sum, each) => sum + each / list.length, 0))}`)
      }
      const before = workers > 1 && own.includes(name) ? alone?.found.get(name) : undefined
      if (alone === undefined || before === undefined) continue
      const ratio = interval([share, shares(before, alone.random)], (here = 0, there = 0) => here / there)
      const most = mostOfAlone[workers]
      figures[`${key} / alone`] = between(ratio)
      if (most !== undefined && seeds > 1) {
        bars[`${key} / alone`] = `<= ${most}`
        tally(`${name}: within the bar of alone, ${workers} workers`, ratio.mean <= most, ratio.high <= most)
      }
    }
    for (const name of own) {
      const share = scores.get(name)
      if (share === undefined) continue
      const against = peers.flatMap((peer) => {
        const other = scores.get(peer)
        // Of one seed there is no interval: it is told, and counts for nothing.
        return other === undefined
          ? []
          : [{ peer, counts: seedsOf(share) > 1 && seedsOf(other) > 1, ...compare(share, other) }]
      })
      for (const { peer, counts, text, difference } of against) {
        const key = `${label}.${name} - ${peer}`
        figures[key] = text
        say(`${key}: ${text}`)
        if (peer !== main) continue
        bars[key] = 'upper bound <= 0'
        if (!counts) continue
        tally(`${name}: no worse than ${main}, ${workers} workers`, difference.high <= 0, difference.high < 0)
      }
      if (against.length === 0 || against.some(({ counts }) => !counts)) continue
      const isTied = against.every(({ difference }) => difference.low <= 0)
      const isBest = against.every(({ difference }) => difference.mean <= 0)
      tally(`${name}: best or tied best, ${workers} workers`, isTied, isBest)
    }
  }
  const meanings: readonly (readonly [part: string, held: string, better: string])[] = [
    ['no worse', 'families with an upper bound <= 0', 'of them < 0'],
    ['best or tied', 'families in which no peer is better for certain', 'in which none has a lower mean'],
    ['within the bar', 'families by the mean', 'by the upper bound'],
  ]
  for (const [key, { held, better, all }] of tallies) {
    const [, one, other] = meanings.find(([part]) => key.includes(part)) ?? ['', 'held', 'better']
    figures[key] = `${held} of ${all} ${one}, ${better} ${other}`
    say(`${key}: ${figures[key]}`)
  }
  return { figures, bars }
}

const seedsOf = (scores: Scores): number => Math.min(...[...scores.values()].map(({ length }) => length))

function compare(ours: Scores, theirs: Scores): { readonly text: string; readonly difference: Interval } {
  const difference = interval([ours, theirs], (here = 0, there = 0) => here - there)
  const verdicts = [...ours].map(([problem, list]) => verdict(list, theirs.get(problem) ?? []))
  const count = (which: number) => verdicts.filter((each) => each === which).length
  return { text: `${between(difference)}; win/tie/loss ${count(1)}/${count(0)}/${count(-1)}`, difference }
}

/** The mean share after so many trials; with a number of problems where others of the family have fewer trials. */
function curveOf(outcomes: Outcomes, random: Outcomes): string {
  const points = checkpoints.flatMap((trials) => {
    const share = shares(outcomes, random, trials)
    if (share.size === 0) return []
    const some = share.size < outcomes.size ? ` (${share.size} of ${outcomes.size} problems)` : ''
    return [`${trials}${some}: ${told(interval([share], Number).mean)}`]
  })
  return points.join(', ')
}
