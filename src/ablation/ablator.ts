/**
 * The contract of ablators: pure, `(components, repeats, history) -> what the next trial does without`. No clock, no I/O, no
 * randomness, no memory of its own. test/contract/ablator.contract.ts holds every ablator to it.
 */
import type { AblationObservation, Component, Objective, Removal } from '../../protocol/index.ts'

export interface AblationQuestion {
  readonly components: readonly Component[]
  /** Trials of the base and of each component. */
  readonly repeats: number
  readonly objectives: readonly Objective[]
  /** Everything known, by trial number; suggested and not yet ended is there as 'pending'. */
  readonly history: readonly AblationObservation[]
  /** The number of the trial to suggest for. */
  readonly trial: number
}

/** The components that one trial does without; 'wait' while results must come in first; 'exhausted' when there is nothing more, ever. */
export type Ablator = (question: AblationQuestion) => Removal | 'wait' | 'exhausted'

export interface AblatorSetting {
  readonly components: readonly Component[]
  readonly repeats: number
  readonly objectives: readonly Objective[]
  readonly options: Readonly<Record<string, unknown>>
  readonly seed: number
  /** Names of components that cannot be left out together: a trial of them would be refused. Default: none. */
  readonly impossible?: readonly (readonly string[])[]
}

export interface AblatorPlugin {
  readonly name: string
  /** Whether what comes next depends on results. If not, the driver asks ahead of time. */
  readonly adaptive: boolean
  /** Trials at most. */
  most(components: number, repeats: number): number
  /** Several components that it leaves out at once whatever the results are: whether they can go is looked at before the first trial. */
  combinations?(components: readonly Component[]): readonly (readonly Component[])[]
  /** Makes an ablator for an experiment; throws ABLATOR_UNFIT for options that it cannot take. */
  create(setting: AblatorSetting): Ablator
}
