/**
 * The history in the form that samplers compute with, kept from one question to the next: only trials that changed are read again.
 * I1 It depends only on the history that it was last shown. A trial counts as unchanged if its observation is the same object, for
 *    observations never change.
 * I2 Its memory grows with the history.
 */
import type { Objective, Observation } from '../../protocol/index.ts'
import { lossOf, violationOf } from '../pareto/index.ts'

export interface Entry<Row> {
  readonly observation: Observation
  readonly trial: number
  /** The value to be minimized; NaN if the trial has none. */
  readonly loss: number
  readonly standing: Standing
  /** How far it is beyond the objective's limits; 0 if it keeps them. */
  readonly violation: number
  /** What the sampler makes of its hparams. */
  readonly row: Row
}

/** 'bad': failed, or its metric is not a finite number, or it breaks a limit; 'void': cancelled, so it says nothing about its hparams. */
type Standing = 'done' | 'pruned' | 'bad' | 'pending' | 'void'

export interface Ledger<Row> {
  /** Takes note of a history. */
  show(history: readonly Observation[]): void
  /** Every trial, in the history's order. */
  readonly entries: readonly Entry<Row>[]
  /** The trials that have ended, best first: done by loss, then pruned (the latest first), then bad by violation; ties by trial. */
  readonly ranked: readonly Entry<Row>[]
  /** By trial. */
  readonly pending: readonly Entry<Row>[]
  /** How many of `ranked` are done. */
  readonly done: number
}

const tiers: Readonly<Record<Standing, number>> = { done: 0, pruned: 1, bad: 2, pending: 3, void: 4 }

function standingOf({ state }: Observation, loss: number): Standing {
  if (state === 'pending') return 'pending'
  if (state === 'cancelled') return 'void'
  if (state === 'failed') return 'bad'
  if (state === 'pruned') return 'pruned'
  return Number.isNaN(loss) ? 'bad' : 'done'
}

/** It says nothing of its hparams, or nothing yet. */
export const isOpen = ({ standing }: Entry<unknown>): boolean => standing === 'pending' || standing === 'void'

/** The better first. */
export function compareEntries(one: Entry<unknown>, other: Entry<unknown>): number {
  const tier = tiers[one.standing] - tiers[other.standing]
  if (tier !== 0) return tier
  if (one.standing === 'pruned') {
    const later = (other.observation.step ?? -1) - (one.observation.step ?? -1)
    if (later !== 0) return later
  }
  // Of those that failed, the ones that came to metrics are nearer to what is allowed, the less they are beyond it.
  if (one.violation !== other.violation) return one.violation < other.violation ? -1 : 1
  // A loss is NaN only in a tier in which no trial has one, or at the end of the pruned ones.
  const loss = worst(one.loss) - worst(other.loss)
  return loss === 0 ? one.trial - other.trial : loss
}

const worst = (loss: number): number => (Number.isNaN(loss) ? Number.MAX_VALUE : loss)

function placeIn<Row>(sorted: readonly Entry<Row>[], entry: Entry<Row>): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareEntries(sorted[middle] as Entry<Row>, entry) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** `objective`: the first one, which is what a sampler for one objective goes by. */
export function createLedger<Row>(
  objective: Objective | undefined,
  rowOf: (observation: Observation) => Row,
): Ledger<Row> {
  const entries: Entry<Row>[] = []
  const ranked: Entry<Row>[] = []
  const pending: Entry<Row>[] = []
  let done = 0
  const listOf = ({ standing }: Entry<Row>) => (standing === 'pending' ? pending : standing === 'void' ? null : ranked)
  const add = (entry: Entry<Row>): void => {
    const list = listOf(entry)
    list?.splice(placeIn(list, entry), 0, entry)
    if (entry.standing === 'done') done++
  }
  const remove = (entry: Entry<Row>): void => {
    const list = listOf(entry)
    list?.splice(placeIn(list, entry), 1)
    if (entry.standing === 'done') done--
  }
  const entryOf = (observation: Observation, old: Entry<Row> | undefined): Entry<Row> => {
    const loss = objective === undefined ? Number.NaN : lossOf(observation.metrics, objective)
    const row = old?.observation.hparams === observation.hparams ? old.row : rowOf(observation)
    const standing = standingOf(observation, loss)
    const violation =
      standing !== 'bad'
        ? 0
        : observation.state === 'done'
          ? violationOf(observation.metrics, objective?.limits ?? [])
          : Infinity
    return { observation, trial: observation.trial, loss, standing, violation, row }
  }
  const replace = (index: number, observation: Observation): Entry<Row> =>
    (entries[index] = entryOf(observation, entries[index]))
  return {
    show(history) {
      const changed: number[] = []
      for (let index = 0; index < history.length; index++) {
        if (entries[index]?.observation !== history[index]) changed.push(index)
      }
      const gone = entries.splice(history.length)
      if ((changed.length + gone.length) * 4 > history.length) {
        // One sort costs less than finding the place of each of them.
        for (const index of changed) replace(index, history[index] as Observation)
        ranked.length = pending.length = done = 0
        for (const entry of entries) {
          listOf(entry)?.push(entry)
          if (entry.standing === 'done') done++
        }
        ranked.sort(compareEntries)
        pending.sort(compareEntries)
        return
      }
      for (const entry of gone) remove(entry)
      for (const index of changed) {
        const old = entries[index]
        if (old !== undefined) remove(old)
        add(replace(index, history[index] as Observation))
      }
    },
    entries,
    ranked,
    pending,
    get done() {
      return done
    },
  }
}
