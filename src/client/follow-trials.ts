/**
 * Follows an experiment for those who keep its trials elsewhere: says again and again which trials have changed, with all that they
 * reported, until the experiment is over.
 * I1 A trial that has ended is told as such only with all its reports, if these come within a few seconds.
 * I2 What once was is not told, only how things stand.
 * I3 One telling at a time: whoever is told slowly is told of more at once, and holds nothing else up.
 */
import type { Bus } from '../bus/index.ts'
import { systemClock, type Clock } from '../actor/index.ts'
import { isFinal, type Reading } from '../history/index.ts'
import {
  followPoints,
  outlineOf,
  readAllPoints,
  trialResult,
  type KeptPoint,
  type Outline,
  type Result,
  type TrialResult,
} from '../store/index.ts'
import { followExperiment } from './follow.ts'
import { pause } from './submit.ts'

export interface Told {
  readonly trial: TrialResult
  /** Of all its attempts. */
  readonly points: readonly KeptPoint[]
}

/** Is told how things stand. What it rejects with ends the following. */
export type Tell = (outline: Outline, trials: readonly Told[]) => Promise<void>

const roundMs = 500
/** Reports that have not come by then were lost, or are older than what the stream keeps. */
const reportsMs = 5_000

/** Resolves once the experiment is over and all of it has been told. Rejects as followExperiment does, and with what `tell` rejects with. */
export async function followTrials(
  bus: Bus,
  experiment: string,
  tell: Tell,
  options: { readonly signal?: AbortSignal | undefined; readonly clock?: Clock | undefined } = {},
): Promise<Result> {
  const { clock = systemClock, signal } = options
  const stopping = new AbortController()
  const both = signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal])
  const changes = new Changes(clock)
  const hearing = hear(bus, experiment, changes, both)
  const telling = (async () => {
    while (!both.aborted) {
      await changes.tell(tell)
      await pause(roundMs, clock, both).catch(() => {}) // it is over: the loop ends
    }
  })()
  const watch = { onEvent: changes.onEvent.bind(changes), onCaughtUp: changes.onCaughtUp.bind(changes) }
  const following = followExperiment(bus, experiment, watch, { signal: both, clock })
  try {
    // The first two end only with the third, unless they fail.
    const result = await Promise.race([following, forever(hearing), forever(telling)])
    stopping.abort()
    await telling
    const points = await readAllPoints(bus, experiment)
    const { trials, ...outline } = result
    await tell(
      outline,
      trials.map((trial) => ({ trial, points: points.get(trial.trial) ?? [] })),
    )
    return result
  } finally {
    stopping.abort()
    await Promise.allSettled([following, hearing, telling])
  }
}

async function hear(bus: Bus, experiment: string, changes: Changes, signal: AbortSignal): Promise<void> {
  for await (const { trial, points } of followPoints(bus, experiment, signal)) {
    if (points.length > 0) changes.onPoints(trial, points)
  }
}

/** Rejects as the work does; resolves never. */
function forever(work: Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    work.catch(reject)
  })
}

class Changes {
  readonly #clock: Clock
  #reading: Reading | undefined
  #caughtUp = false
  #changed = new Set<number>()
  readonly #points = new Map<number, Map<string, KeptPoint>>()
  /** Trials that were told as ended: what comes of them yet was said before. */
  readonly #over = new Set<number>()
  /** Since when a trial has been waiting for its last reports. */
  readonly #late = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  onEvent(event: { readonly type: string; readonly trial?: number }, reading: Reading): void {
    this.#reading = reading
    for (const trial of reading.history?.movedUp ?? []) this.#changed.add(trial)
    if (event.trial === undefined) return
    this.#over.delete(event.trial)
    this.#changed.add(event.trial)
  }

  onCaughtUp(): void {
    this.#caughtUp = true
  }

  onPoints(trial: number, points: readonly KeptPoint[]): void {
    if (this.#over.has(trial)) return
    const known = this.#points.get(trial) ?? new Map<string, KeptPoint>()
    this.#points.set(trial, known)
    for (const point of points) known.set(`${point.attempt}/${point.index}`, point)
    this.#changed.add(trial)
  }

  async tell(tell: Tell): Promise<void> {
    const reading = this.#reading
    // I2
    if (!this.#caughtUp || reading === undefined) return
    const changed = [...this.#changed].sort((a, b) => a - b)
    this.#changed = new Set()
    const told: Told[] = []
    for (const number of changed) {
      const trial = trialResult(reading, number)
      if (trial === undefined) continue
      const points = [...(this.#points.get(number)?.values() ?? [])]
      const isLate = this.#isLate(trial, points)
      if (isLate) this.#changed.add(number)
      // Whoever is told of a trial may number it by the order: none is left out.
      told.push({ trial: isLate ? { ...trial, state: 'running' } : trial, points })
    }
    await tell(outlineOf(reading), told)
    // A trial that has ended reports no more; the last telling reads all points anew.
    for (const { trial } of told) {
      if (!isFinal(trial.state)) continue
      this.#over.add(trial.trial)
      this.#points.delete(trial.trial)
    }
  }

  /** I1 */
  #isLate(trial: TrialResult, points: readonly KeptPoint[]): boolean {
    const counting = points.filter(({ attempt }) => attempt === trial.attempt)
    if (!isFinal(trial.state) || counting.length >= trial.points) {
      this.#late.delete(trial.trial)
      return false
    }
    const since = this.#late.get(trial.trial) ?? this.#clock.elapsed()
    this.#late.set(trial.trial, since)
    return this.#clock.elapsed() - since < reportsMs
  }
}
