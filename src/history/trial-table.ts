/**
 * The trials of an experiment by their numbers, and how many stand how. Pure.
 * I1 `queued`, `held`, `waiting` and `settledCounts` agree with the trials' states: a trial that moves is filed anew in the same step.
 */
import type { Context, LogEvent, Policy } from '../../protocol/index.ts'
import { flatStepper } from '../machine/index.ts'
import { configurationNumber, configurationOf, type Configuration } from './configurations.ts'
import { isFinal } from './final.ts'
import { seedOf } from './seed.ts'
import { SlotQueues } from './slot-queues.ts'
import { trialMachine, type Part, type TrialEvent, type TrialSnapshot } from './trial.machine.ts'
import type { FinalState } from './verdict.ts'

const steps = flatStepper(trialMachine)
const heldStates = new Set<string>(['assigned', 'running', 'stopping'])

/** A trial before an event that changed it, and after. */
export interface Moved {
  readonly before: TrialSnapshot
  readonly after: TrialSnapshot
}

export class TrialTable {
  /** How many trials each configuration is tried in. */
  readonly repeats: number
  readonly #trials = new Map<number, TrialSnapshot>()
  readonly all: ReadonlyMap<number, TrialSnapshot> = this.#trials
  readonly #queued = new Set<number>()
  readonly queued: ReadonlySet<number> = this.#queued
  readonly #held = new Set<number>()
  readonly held: ReadonlySet<number> = this.#held
  readonly #slots = new SlotQueues()
  readonly #waiting = new Set<number>()
  /** Of those that are held: they are in a slot behind another one, and have not begun. */
  readonly waiting: ReadonlySet<number> = this.#waiting
  #movedUp: number[] = []
  readonly #settledCounts: Record<FinalState, number> = { done: 0, pruned: 0, failed: 0, cancelled: 0 }
  readonly settledCounts: Readonly<Record<FinalState, number>> = this.#settledCounts

  constructor(repeats: number) {
    this.repeats = repeats
  }

  /** All repeats of a configuration that was suggested. */
  create(event: Extract<LogEvent, { type: 'trial.suggested' }>, context: Context): void {
    const { kind, policy } = context
    const { trial: first, hparams, fidelity, ablated, repeats = 1 } = event
    for (let trial = first; trial < first + repeats; trial += 1) {
      const from = fidelity === undefined || fidelity.from === null ? null : fidelity.from + trial - first
      const snapshot = steps.initial({
        trial,
        hparams,
        seed: trial === first ? event.seed : seedOf(context, trial, ablated),
        maxAttempts: policy.maxAttempts,
        throwsAtMost: policy.retry?.times ?? 0,
        shared: 'ring' in context,
        sole: kind === 'training',
        ...(fidelity === undefined ? {} : { fidelity: { ...fidelity, from } }),
        ...(ablated === undefined ? {} : { ablated }),
      })
      this.#trials.set(trial, snapshot)
      this.#queued.add(trial)
    }
  }

  /** Whether an event would change anything of a trial. */
  takes(trial: number, event: TrialEvent): boolean {
    const before = this.#trials.get(trial)
    if (before === undefined) return false
    const [after] = steps.next(before, event)
    return after.value !== before.value || after.context !== before.context
  }

  /** undefined: the event changes nothing. */
  move(trial: number, event: TrialEvent): Moved | undefined {
    const before = this.#trials.get(trial)
    if (before === undefined) return undefined
    const [after] = steps.next(before, event)
    if (after.value === before.value && after.context === before.context) return undefined
    this.#file(trial, before, after)
    return { before, after }
  }

  /** Trials that have not settled are tried as the policy says now; what was said of those that have stands. */
  follow({ maxAttempts, retry }: Policy): void {
    for (const [trial, { value, context }] of this.#trials) {
      this.#trials.set(trial, { value, context: { ...context, maxAttempts, throwsAtMost: retry?.times ?? 0 } })
    }
  }

  /** Opens those that have settled and may be tried again; returns the states that they had settled in. */
  reopen(event: Extract<LogEvent, { type: 'experiment.resumed' | 'experiment.changed' }>): readonly FinalState[] {
    const opened: FinalState[] = []
    for (const [trial, before] of this.#trials) {
      const [after] = steps.next(before, event)
      if (after === before || !isFinal(before.value)) continue
      this.#file(trial, before, after)
      opened.push(before.value)
    }
    return opened
  }

  /** Trials that are not waiting any more because another one has left their slot, since this was asked to be forgotten. */
  get movedUp(): readonly number[] {
    return this.#movedUp
  }

  forgetMovedUp(): void {
    if (this.#movedUp.length > 0) this.#movedUp = []
  }

  /** I1 */
  #file(trial: number, before: TrialSnapshot, after: TrialSnapshot): void {
    this.#trials.set(trial, after)
    const first = this.#slots.move(trial, partsHeld(before), partsHeld(after))
    if (this.#slots.waits(partsHeld(after))) this.#waiting.add(trial)
    else this.#waiting.delete(trial)
    for (const one of first) if (this.#waiting.delete(one)) this.#movedUp.push(one)
    if (after.value === 'queued') this.#queued.add(trial)
    else this.#queued.delete(trial)
    if (heldStates.has(after.value)) this.#held.add(trial)
    else this.#held.delete(trial)
    if (isFinal(before.value)) this.#settledCounts[before.value] -= 1
    if (isFinal(after.value)) this.#settledCounts[after.value] += 1
  }

  /** The configuration that a trial tries. */
  configurationOf(trial: number): number {
    return configurationNumber(trial, this.repeats)
  }

  /** The trials that repeat one configuration; undefined: it was not suggested. */
  configuration(configuration: number): Configuration | undefined {
    const { repeats } = this
    if (repeats === 1) {
      const only = this.#trials.get(configuration)
      return only === undefined ? undefined : configurationOf([only], configuration)
    }
    const trials = Array.from({ length: repeats }, (_, repeat) => this.#trials.get(configuration * repeats + repeat))
    return configurationOf(
      trials.filter((trial) => trial !== undefined),
      configuration,
    )
  }

  /** Trials that are stopped because another repeat of their configuration was pruned, each with the one that was. */
  get needless(): readonly { readonly trial: number; readonly with: number }[] {
    if (this.repeats === 1) return []
    return [...this.held].flatMap((trial) => {
      const by = this.#trials.get(trial)?.value === 'stopping' ? undefined : this.prunedBeside(trial)
      return by === undefined ? [] : [{ trial, with: by }]
    })
  }

  /** A repeat of the same configuration that was pruned. */
  prunedBeside(trial: number): number | undefined {
    const { repeats } = this
    if (repeats === 1) return undefined
    const first = this.configurationOf(trial) * repeats
    for (let beside = first; beside < first + repeats; beside += 1) {
      if (this.#trials.get(beside)?.value === 'pruned') return beside
    }
    return undefined
  }
}

const nowhere: readonly Part[] = []

/** A trial that has settled remembers its parts, and holds none of them. */
const partsHeld = ({ value, context }: TrialSnapshot): readonly Part[] =>
  heldStates.has(value) ? context.parts : nowhere
