/** A user's own optimizer: a process that suggests hparams by a function. Experiments name it. */
import type { Hparams, Observation } from '../../protocol/index.ts'
import { builtinSamplers, unfit, type Question, type SamplerSetting } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'
import { lossOf } from '../pareto/index.ts'
import { sample } from '../space/index.ts'
import {
  optionCheck,
  requireServable,
  serveProcess,
  type OptionSchema,
  type ServeProcessOptions,
} from '../suggester/index.ts'
import { startOptimizer } from './service.ts'
import type { Answer, OptimizerPlugin } from './plugin.ts'

/** The search that an experiment asks for, as it is told when it is opened. */
export interface OpenedSearch extends SamplerSetting {
  /** Refuses the search: the experiment fails with OPTIMIZER_UNFIT. `path`: what cannot be taken: `options.greed`, `space.lr`. */
  readonly refuse: (path: string, reason: string) => never
}

/** The question to a served optimizer: a sampler's, with the experiment's settings for the whole search. */
export interface ServedQuestion<State = undefined> extends Question {
  /** As the experiment gives them: `optimizer: { name, …options }`. */
  readonly options: Readonly<Record<string, unknown>>
  /** How many trials there will be at most. */
  readonly trials: number
  /** The finished trial with the best value of the first objective so far. */
  readonly best: Observation | undefined
  /** A random point of the space, drawn with `random`. */
  readonly sample: () => Hparams
  /** The value that `open` returned for this experiment. */
  readonly state: State
}

export interface ServeOptions<State = undefined> extends ServeProcessOptions {
  /**
   * Its options as a JSON Schema of type object. An experiment whose options do not fit fails with OPTIMIZER_UNFIT and the path, and
   * `maggy actors` shows them. Without it, any options are taken.
   */
  readonly options?: OptionSchema
  /**
   * Called when an experiment is opened, and again when it is opened again: for what the schema of options cannot say (`refuse`), and
   * for a state of its own, which each question of that experiment carries. Nothing that matters may be in the state alone: the process
   * may die, and all that the next one knows is the history. At once, for the driver waits ten seconds.
   */
  readonly open?: (search: OpenedSearch) => State
  /** Sentences for people about its choices in this search: `maggy run` and `result.notes` show them. */
  readonly notes?: (search: SamplerSetting) => readonly string[]
  /**
   * hparams for one trial, inside `space`; or `{ hparams, fidelity: { budget, from } }` for one that goes so far and continues the
   * checkpoint of another; or 'wait' until a pending trial has ended; or 'exhausted' when there is nothing more, ever. For
   * searches that can be repeated, take randomness from `random` only. It may take its time. What it throws ends the experiment,
   * not the process.
   */
  readonly suggest: (question: ServedQuestion<State>) => Answer | Promise<Answer>
  /** Whether suggestions depend on results; if not, `history` lacks them, and several are asked for ahead of time. Default: true. */
  readonly adaptive?: boolean
}

/** The plug-in that a suggest function makes. Throws OPTION_INVALID for a name that cannot be served, and for a schema that is none. */
export function servedPlugin<State = undefined>(given: ServeOptions<State>): OptimizerPlugin {
  const { name, suggest, open, notes, options: schema, adaptive = true } = given
  requireServable(name, (one) => builtinSamplers.has(one) || builtinSchedulers.has(one), 'suggest', suggest)
  const faultIn = optionCheck(schema)
  return {
    name,
    adaptive,
    ...(schema === undefined ? {} : { options: schema }),
    ...(notes === undefined ? {} : { notes }),
    create(setting) {
      const { options, trials } = setting
      const fault = faultIn(options)
      if (fault !== undefined) throw unfit(name, fault.path, fault.reason)
      const refuse = (path: string, reason: string): never => {
        throw unfit(name, path, reason)
      }
      const state = open?.({ ...setting, refuse }) as State
      return (question) =>
        suggest({
          ...question,
          options,
          trials,
          best: bestOf(question),
          sample: () => sample(question.space, question.random),
          state,
        })
    },
  }
}

function bestOf({ history, objectives }: Question): Observation | undefined {
  let best: { readonly observation: Observation; readonly loss: number } | undefined
  const [objective] = objectives
  if (objective === undefined) return undefined
  for (const observation of history) {
    const loss = lossOf(observation.metrics, objective)
    if (observation.state !== 'done' || Number.isNaN(loss)) continue
    if (best === undefined || loss < best.loss) best = { observation, loss }
  }
  return best?.observation
}

/**
 * Answers for an optimizer of that name until the process is told to end (SIGTERM, SIGINT), and then ends it. Start as many as you
 * like: each experiment is taken by one of them. Rejects with OPTION_INVALID.
 */
export async function serveOptimizer<State = undefined>(options: ServeOptions<State>): Promise<never> {
  const plugin = servedPlugin(options)
  return serveProcess(`the optimizer ${plugin.name}`, options, (bus, serving) => startOptimizer(bus, [plugin], serving))
}
