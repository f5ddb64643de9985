/**
 * Which checkpoints of an experiment are kept. Pure: it looks at how trials stand and says which are of no more use.
 * I1 A trial that may still be run or continued keeps its checkpoint: one that is open, the one that an open trial continues, and
 *    the last of each of a scheduler's groups.
 * I2 Bounded: of all others at most `kept`, the best; those of failed and pruned trials go at once.
 * I3 Once the experiment is over for good, only those of the trials that none beats are left.
 * I4 What a settled trial costs does not grow with the history, but where a scheduler's trials continue others.
 */
import type { Objective, Observation } from '../../../protocol/index.ts'
import { bestFirst, nonDominatedSort, lossesOf } from '../../../src/pareto/index.ts'

const kept = 32

/** How the trials of an experiment stand. */
export interface Standings {
  one(trial: number): Observation | undefined
  /** In order. */
  all(): readonly Observation[]
}

export class Retention {
  readonly #trials = new Set<number>()
  readonly #objectives: readonly Objective[]

  constructor(objectives: readonly Objective[]) {
    this.#objectives = objectives
  }

  /** The trial has a checkpoint, or may have one. */
  put(trial: number): void {
    this.#trials.add(trial)
  }

  /** Forgets what is of no more use, and says what. */
  clear(standings: Standings, over: boolean): number[] {
    if (this.#trials.size === 0) return []
    const surplus = over ? this.#allButBest(standings.all()) : this.#surplus(standings)
    for (const trial of surplus) this.#trials.delete(trial)
    return surplus
  }

  #surplus(standings: Standings): number[] {
    const here = [...this.#trials].sort((a, b) => a - b).flatMap((trial) => standings.one(trial) ?? [])
    const useless = here.filter(({ state }) => state === 'failed' || state === 'pruned')
    const done = here.filter(({ state }) => state === 'done')
    if (done.length <= kept) return useless.map(({ trial }) => trial)
    // I4: a trial that others may continue, or that has a group, was given a fidelity.
    const isScheduled = done.some(({ fidelity }) => fidelity !== undefined)
    const needed = isScheduled ? neededIn(standings.all()) : new Set<number>()
    const best = new Set(
      bestFirst(done, this.#objectives)
        .slice(0, kept)
        .map(({ trial }) => trial),
    )
    const dropped = done.filter(({ trial }) => !needed.has(trial) && !best.has(trial))
    return [...useless, ...dropped].map(({ trial }) => trial)
  }

  #allButBest(history: readonly Observation[]): number[] {
    const ranked = history.flatMap(({ trial, state, metrics }) => {
      const losses = state === 'done' ? lossesOf(metrics, this.#objectives) : undefined
      return losses === undefined ? [] : [{ trial, losses }]
    })
    const [front = []] = nonDominatedSort(ranked.map(({ losses }) => losses))
    const best = new Set(front.slice(0, kept).map((index) => ranked[index]?.trial))
    return [...this.#trials].filter((trial) => !best.has(trial))
  }
}

/** I1 */
function neededIn(all: readonly Observation[]): ReadonlySet<number> {
  const needed = new Set<number>()
  const heads = new Map<number, number>()
  for (const { trial, state, fidelity } of all) {
    if (state === 'pending' && typeof fidelity?.from === 'number') needed.add(fidelity.from)
    if (fidelity?.group !== undefined && state === 'done') heads.set(fidelity.group, trial)
  }
  for (const head of heads.values()) needed.add(head)
  return needed
}
