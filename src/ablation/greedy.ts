/**
 * Greedy backward elimination: of all that is still there, leave out for good what is missed least, and again, until leaving out
 * anything makes it worse. A round tries every component that is left, all at once (asynchronously); the next begins when all of
 * the round have ended.
 * Options: `tolerance` (how much worse the metric may get from round to round, default 0), `rounds` (at most so many).
 */
import { own, type AblationObservation, type Component, type Objective, type Removal } from '../../protocol/index.ts'
import type { AblatorPlugin } from './ablator.ts'
import { meanOf } from './moments.ts'
import { refuseUnknown, removalKey, unfit } from './options.ts'

type History = readonly AblationObservation[]

export const greedy: AblatorPlugin = {
  name: 'greedy',
  adaptive: true,
  most: (components, repeats) => (1 + (components * (components + 1)) / 2) * repeats,
  create({ options, impossible = [] }) {
    refuseUnknown('greedy', options, ['tolerance', 'rounds'])
    const tolerance = numberOf(options, 'tolerance', 0)
    const rounds = numberOf(options, 'rounds', Infinity)
    const never = new Set(impossible.map(removalKey))
    return ({ components, repeats, objectives, history }) => {
      const [objective] = objectives
      if (objective === undefined) return 'exhausted'
      const trials = byRemoval(history)
      const lossOf = (without: readonly string[]) => meanLoss(trials.get(removalKey(without)) ?? [], objective)
      let gone: string[] = []
      let bar: number | null = null
      for (let round = 0; round <= rounds; round += 1) {
        const plan = round === 0 ? [[]] : candidates(components, gone).filter((one) => !never.has(removalKey(one)))
        if (plan.length === 0) return 'exhausted'
        const missing = next(plan, repeats, trials)
        if (missing !== undefined) return missing
        const found = plan.map((without) => trials.get(removalKey(without)) ?? [])
        if (found.flat().some(({ state }) => state === 'pending')) return 'wait'
        const best = leastMissed(plan, lossOf)
        // Nothing to compare with, or everything that is left is missed.
        if (best === undefined || (bar !== null && best.loss > bar + tolerance)) return 'exhausted'
        gone = best.without
        bar = best.loss
      }
      return 'exhausted'
    }
  },
}

/** The components that are gone already, and one more. */
function candidates(components: readonly Component[], gone: readonly string[]): string[][] {
  return components.filter(({ name }) => !gone.includes(name)).map(({ name }) => [...gone, name])
}

/** The first trial of a round that was not suggested yet, repeat by repeat. */
function next(plan: readonly string[][], repeats: number, trials: ReadonlyMap<string, History>): Removal | undefined {
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    for (const without of plan) {
      const known = trials.get(removalKey(without))?.some((each) => each.repeat === repeat) ?? false
      if (!known) return { without: [...without], repeat }
    }
  }
  return undefined
}

function leastMissed(plan: readonly string[][], lossOf: (without: readonly string[]) => number | null) {
  let best: { readonly without: string[]; readonly loss: number } | undefined
  for (const without of plan) {
    const loss = lossOf(without)
    if (loss !== null && (best === undefined || loss < best.loss)) best = { without, loss }
  }
  return best
}

/** The mean over what is done, turned so that less is better; null if nothing is. */
function meanLoss(trials: History, { metric, direction }: Objective): number | null {
  const values = trials
    .filter(({ state }) => state === 'done')
    .map(({ metrics }) => own(metrics, metric))
    .filter((value): value is number => typeof value === 'number' && Number.isFinite(value))
  const mean = meanOf(values)
  if (mean === null) return null
  return direction === 'minimize' ? mean : -mean
}

function byRemoval(history: History): Map<string, AblationObservation[]> {
  const trials = new Map<string, AblationObservation[]>()
  for (const observation of history) {
    const key = removalKey(observation.without)
    const found = trials.get(key)
    if (found === undefined) trials.set(key, [observation])
    else found.push(observation)
  }
  return trials
}

function numberOf(options: Readonly<Record<string, unknown>>, name: string, fallback: number): number {
  const value = options[name] ?? fallback
  if (typeof value === 'number' && !Number.isNaN(value) && value >= 0) return value
  throw unfit('greedy', `options.${name}`, `is ${JSON.stringify(value)}, not a number of at least 0`)
}
