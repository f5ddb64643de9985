/**
 * How far an experiment has come: its machine, and the groups of its states that others ask for. Pure.
 * I1 Only the machine moves it: every question is answered from the machine's snapshot.
 */
import type { Conclusion, Problem } from '../../protocol/index.ts'
import { flatStepper, type FlatSnapshot } from '../machine/index.ts'
import { experimentMachine, type ExperimentEvent, type ExperimentInput } from './experiment.machine.ts'

/** Work that the world has to do for an experiment. */
export type Effect =
  | 'openOptimizer'
  | 'closeOptimizer'
  | 'stopRunning'
  /** Of what several trials repeat, one was pruned: the others are to stop. */
  | 'stopRepeats'
  | 'handBackWaiting'
  | 'handBackAll'
  | 'giveUp'
  | 'endDone'
  | 'endStopped'
  | 'endFailed'

const steps = flatStepper(experimentMachine)

const stopping = new Set<string>(['stopping', 'concluding', 'cancelling', 'failing'])
const resumable = new Set<string>(['stopped', 'failed', 'paused', 'halted'])
const paused = new Set<string>(['paused', 'halted'])
const going = new Set<string>(['opening', 'searching', 'finishing'])
const ended = new Set<string>(['done', 'stopped', 'failed'])
const changeable = new Set<string>([...going, ...paused, ...ended])
/** It ends as stopped or failed, and can be resumed once it has. */
const ending = new Set<string>(['stopping', 'cancelling', 'failing', 'givingUp', 'endingStopped', 'endingFailed'])

/** Of an experiment: it has ended, though it may be resumed. */
export const hasEnded = (state: string): boolean => ended.has(state)

/** The effects that an unfinished state still needs when a driver takes it up. */
const pending: Readonly<Record<string, readonly Effect[]>> = {
  opening: ['openOptimizer'],
  paused: ['closeOptimizer'],
  halted: ['closeOptimizer', 'handBackAll'],
  stopping: ['closeOptimizer'],
  concluding: ['closeOptimizer', 'stopRunning'],
  cancelling: ['closeOptimizer', 'stopRunning'],
  failing: ['closeOptimizer', 'stopRunning'],
  givingUp: ['giveUp'],
  endingDone: ['endDone'],
  endingStopped: ['endStopped'],
  endingFailed: ['endFailed'],
}

export class Lifecycle {
  #snapshot: FlatSnapshot<typeof experimentMachine>

  constructor(asked: ExperimentInput) {
    this.#snapshot = steps.initial(asked)
  }

  /** Takes in an event (I1); returns the names of the actions that the machine leaves to others. */
  move(event: ExperimentEvent): readonly string[] {
    const [after, actions] = steps.next(this.#snapshot, event)
    this.#snapshot = after
    return actions
  }

  /** Whether an event would change anything. */
  takes(event: ExperimentEvent): boolean {
    const before = this.#snapshot
    const [after] = steps.next(before, event)
    return after.value !== before.value || after.context !== before.context
  }

  /** The state of the machine. */
  get state(): string {
    return this.#snapshot.value
  }

  /** How many trials were suggested. */
  get suggested(): number {
    return this.#snapshot.context.suggested
  }

  /** How many trials there are to be, repeats among them. */
  get target(): number {
    return this.#snapshot.context.target
  }

  /** Trials that failed and count against `maxFailed`. */
  get failed(): number {
    return this.#snapshot.context.failed
  }

  get problem(): Problem | null {
    return this.#snapshot.context.problem
  }

  /** The stop rule that ended it, or is about to. */
  get concluded(): Conclusion | null {
    return this.#snapshot.context.conclusion
  }

  get pending(): readonly Effect[] {
    return pending[this.state] ?? []
  }

  /** Its search goes on: nothing ends it or holds it up. */
  get going(): boolean {
    return going.has(this.state)
  }

  get paused(): boolean {
    return paused.has(this.state)
  }

  /** Whether it stands so that it can be changed: it is not about to end. */
  get changeable(): boolean {
    return changeable.has(this.state)
  }

  /** It is paused, or has ended before its time. */
  get resumable(): boolean {
    return resumable.has(this.state)
  }

  /** Trials that come back are not tried again. */
  get stopping(): boolean {
    return stopping.has(this.state)
  }

  /** It is on its way to an end that it can be resumed from. */
  get ending(): boolean {
    return ending.has(this.state)
  }

  get ended(): boolean {
    return hasEnded(this.state)
  }
}
