/**
 * The contract of samplers: pure, `(space, history, rng) -> hparams`. No clock, no I/O, no global randomness, no memory of its own.
 * test/contract/sampler.contract.ts holds every sampler to it; plug-in authors import the same suite.
 */
import type { Hparams, Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'

export interface Question {
  readonly space: SearchSpace
  readonly objectives: readonly Objective[]
  /**
   * All trials that are known, by number. A trial that was suggested and has not ended is 'pending'. Trials of earlier experiments have
   * negative numbers, so they come first.
   */
  readonly history: readonly Observation[]
  /** The number of the trial to suggest for. */
  readonly trial: number
  /** How many points the sampler was asked for before: trials that were enqueued, or continue another, do not count. Default: `trial`. */
  readonly point?: number
  /** All trials, where a scheduler puts only comparable ones into `history`. Default: `history`. */
  readonly tried?: readonly Observation[]
  /** Seeded from the experiment's seed and the trial's number. */
  readonly random: Random
}

/** hparams for one trial, or 'exhausted' when there is nothing more to suggest, ever. */
export type Sampler = (question: Question) => Hparams | 'exhausted'

/** The search that a sampler is made for. */
export interface SamplerSetting {
  readonly space: SearchSpace
  readonly objectives: readonly Objective[]
  readonly trials: number
  readonly options: Readonly<Record<string, unknown>>
  /** The experiment's seed, for what must be the same in all trials (a scrambling, a permutation). */
  readonly seed: number
  /** The most trials that run at once, where that is known. */
  readonly parallel?: number
  /** How many trials the user has enqueued. Default: 0. */
  readonly enqueued?: number
  /** Whether a trial is one of these. Default: they come first. */
  readonly isEnqueued?: (trial: number) => boolean
}

export interface SamplerPlugin {
  readonly name: string
  /** Whether a suggestion depends on results. If not, the driver asks ahead of time. */
  readonly adaptive: boolean
  /**
   * Makes a sampler for an experiment; throws OPTIMIZER_UNFIT for spaces or options that it cannot take, and says which can.
   * It may cache results that it derived from observations, for these never change; its answers must not depend on the cache.
   */
  create(setting: SamplerSetting): Sampler
  /** Sentences that tell people which choices it made, and why. */
  notes?(setting: SamplerSetting): readonly string[]
  /** Sentences about what it made of these trials, and when; they follow from the history alone, so a replay says the same. */
  told?(setting: SamplerSetting, history: readonly Observation[]): readonly string[]
}

/** Whether a trial has new hparams that a sampler gave. */
export const isOwnPoint = (
  { trial, fidelity }: Observation,
  { enqueued = 0, isEnqueued = (one) => one < enqueued }: Pick<SamplerSetting, 'enqueued' | 'isEnqueued'>,
): boolean => trial >= 0 && !isEnqueued(trial) && (fidelity?.from ?? null) === null
