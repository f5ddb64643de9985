/** The plug-ins that an optimizer runs. */
import type { Hparams, Observation } from '../../protocol/index.ts'
import type { Question, SamplerPlugin, SamplerSetting } from '../samplers/index.ts'
import type { Proposal } from '../schedulers/index.ts'

/** The possible answers to a question. 'wait': no suggestion until a pending trial has ended. */
export type Answer = Hparams | Proposal | 'wait' | 'exhausted'
/** Like a Sampler or a Scheduler, but it may take its time. */
type AsyncSampler = (question: Question) => Answer | Promise<Answer>

/** The plug-in that the optimizer actor runs: every SamplerPlugin and every SchedulerPlugin is one. */
export interface OptimizerPlugin extends Omit<SamplerPlugin, 'create'> {
  /** It says how far each trial goes, so it is also asked about enqueued trials of which nothing is left to choose. */
  readonly schedules?: boolean
  /** Its options as a JSON Schema, for people who choose. */
  readonly options?: Readonly<Record<string, unknown>>
  create(setting: SamplerSetting): AsyncSampler
}

/** hparams, and under a scheduler how far the trial goes. */
export type Suggestion = Pick<Observation, 'hparams' | 'fidelity'>

/** The values of hparams are never objects. */
export function isProposal(answer: Hparams | Proposal): answer is Proposal {
  // A function of the user's may return anything.
  const fidelity: unknown = (answer as Partial<Proposal> | undefined | null)?.fidelity
  return typeof fidelity === 'object' && fidelity !== null && !Array.isArray(fidelity)
}
