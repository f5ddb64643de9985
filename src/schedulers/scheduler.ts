/**
 * The contract of schedulers: like a sampler, pure, but it also says how far a trial goes (its budget) and which trial's checkpoint
 * it goes on from. All that it knows is in the history, fidelities among it.
 * test/contract/scheduler.contract.ts holds every scheduler to it; plug-in authors import the same suite.
 */
import type { Fidelity, Hparams } from '../../protocol/index.ts'
import type { Question, SamplerPlugin } from '../samplers/index.ts'

/** hparams inside the space, and how far the trial goes with them. */
export interface Proposal {
  readonly hparams: Hparams
  readonly fidelity: Fidelity
}

/** 'wait': nothing until one of the pending trials has ended. Only while there is one. */
export type Scheduler = (question: Question) => Proposal | 'wait' | 'exhausted'

export interface SchedulerPlugin extends Omit<SamplerPlugin, 'create'> {
  /** It says how far each trial goes, so it is also asked about trials that the user has given. */
  readonly schedules: true
  /** Throws OPTIMIZER_UNFIT for spaces or options that it cannot take. */
  create(setting: Parameters<SamplerPlugin['create']>[0]): Scheduler
}
