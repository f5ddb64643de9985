/** A user's own ablator: a process that decides which components trials leave out. Experiments name it. */
import { problem, type Removal } from '../../protocol/index.ts'
import { builtinAblators, type AblationQuestion, type AblatorSetting } from '../ablation/index.ts'
import {
  optionCheck,
  requireServable,
  serveProcess,
  type OptionSchema,
  type ServeProcessOptions,
} from '../suggester/index.ts'
import { startAblator } from './service.ts'
import type { ServedAblator } from './session.ts'

/** The study that an experiment asks for, as it is told when it is opened. */
export interface OpenedStudy extends AblatorSetting {
  /** Refuses the study: the experiment fails with ABLATOR_UNFIT. `path`: what cannot be taken: `options.rounds`, `repeats`. */
  readonly refuse: (path: string, reason: string) => never
}

/** The question to a served ablator: an ablator's question, and what the experiment says about the whole study. */
export interface ServedAblationQuestion<State = undefined> extends AblationQuestion {
  /** As the experiment gives them: `ablator: { name, …options }`. */
  readonly options: Readonly<Record<string, unknown>>
  /** The experiment's. */
  readonly seed: number
  /** The state that `open` returned for this experiment. */
  readonly state: State
}

export interface ServeAblatorOptions<State = undefined> extends ServeProcessOptions {
  /**
   * Its options as a JSON Schema of type object. An experiment whose options do not fit fails with ABLATOR_UNFIT and the path, and
   * `maggy actors` shows them. Without it, any options are taken.
   */
  readonly options?: OptionSchema
  /** Called when an experiment is opened, and again when it is opened again: to refuse it, and for a state of its own. */
  readonly open?: (study: OpenedStudy) => State
  /** Sentences for people about its choices in this study. */
  readonly notes?: (study: AblatorSetting) => readonly string[]
  /**
   * The components that one trial does without, by the names of components (`{ without: [], repeat: 0 }` is the base), 'wait' while results must
   * come in first, or 'exhausted' when there is nothing more, ever. It may take its time. What it throws ends the experiment, not
   * the process.
   */
  readonly leaveOut: (
    question: ServedAblationQuestion<State>,
  ) => Removal | 'wait' | 'exhausted' | Promise<Removal | 'wait' | 'exhausted'>
  /** Whether it looks at results; if not, `history` lacks them, and several are asked for ahead of time. Default: true. */
  readonly adaptive?: boolean
}

/** The plug-in that a function makes. Throws OPTION_INVALID for a name that cannot be served, and for a schema that is none. */
export function servedAblator<State = undefined>(given: ServeAblatorOptions<State>): ServedAblator {
  const { name, leaveOut, open, notes, options: schema, adaptive = true } = given
  requireServable(name, (one) => builtinAblators.has(one), 'leaveOut', leaveOut)
  const faultIn = optionCheck(schema)
  const refuse = (path: string, reason: string): never => {
    throw problem('ABLATOR_UNFIT', { ablator: name, path, reason })
  }
  return {
    name,
    adaptive,
    ...(schema === undefined ? {} : { options: schema }),
    ...(notes === undefined ? {} : { notes }),
    create(setting) {
      const { options, seed } = setting
      const fault = faultIn(options)
      if (fault !== undefined) refuse(fault.path, fault.reason)
      const state = open?.({ ...setting, refuse }) as State
      return (question) => leaveOut({ ...question, options, seed, state })
    },
  }
}

/**
 * Answers for an ablator of that name until the process is told to end (SIGTERM, SIGINT), and then ends it. Start as many as you
 * like: each experiment is taken by one of them. Rejects with OPTION_INVALID.
 */
export async function serveAblator<State = undefined>(options: ServeAblatorOptions<State>): Promise<never> {
  const plugin = servedAblator(options)
  return serveProcess(`the ablator ${plugin.name}`, options, (bus, serving) => startAblator(bus, [plugin], serving))
}
