/** A user's own optimizer: a process that suggests hparams by a function. Experiments name it. */
import type { Hparams, Observation } from '../../protocol/index.ts'
import { builtinSamplers, type Question } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'
import { lossOf } from '../pareto/index.ts'
import { sample } from '../space/index.ts'
import { requireServable, serveProcess, type ServeProcessOptions } from '../suggester/index.ts'
import { startOptimizer } from './service.ts'
import type { Answer, OptimizerPlugin } from './plugin.ts'

/** What a served optimizer is asked: a sampler's question, and what the experiment says about the whole search. */
export interface ServedQuestion extends Question {
  /** As the experiment gives them: `optimizer: { name, …options }`. */
  readonly options: Readonly<Record<string, unknown>>
  /** How many trials there will be at most. */
  readonly trials: number
  /** The finished trial with the best value of the first objective so far. */
  readonly best: Observation | undefined
  /** A random point of the space, drawn with `random`. */
  readonly sample: () => Hparams
}

export interface ServeOptions extends ServeProcessOptions {
  /**
   * hparams for one trial, inside `space`; or `{ hparams, fidelity: { budget, from } }` for one that goes so far and continues the
   * checkpoint of another; or 'wait' until a pending trial has ended; or 'exhausted' when there is nothing more, ever. For
   * searches that can be repeated, take randomness from `random` only. It may take its time. What it throws ends the experiment,
   * not the process.
   */
  readonly suggest: (question: ServedQuestion) => Answer | Promise<Answer>
  /** Whether suggestions depend on results; if not, `history` lacks them, and several are asked for ahead of time. Default: true. */
  readonly adaptive?: boolean
}

/** The plug-in that a suggest function makes. Throws OPTION_INVALID for a name that cannot be served. */
export function servedPlugin({ name, suggest, adaptive = true }: ServeOptions): OptimizerPlugin {
  requireServable(name, (one) => builtinSamplers.has(one) || builtinSchedulers.has(one), 'suggest', suggest)
  return {
    name,
    adaptive,
    create:
      ({ options, trials }) =>
      (question) =>
        suggest({
          ...question,
          options,
          trials,
          best: bestOf(question),
          sample: () => sample(question.space, question.random),
        }),
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
export async function serveOptimizer(options: ServeOptions): Promise<never> {
  const plugin = servedPlugin(options)
  return serveProcess(`the optimizer ${plugin.name}`, options, (bus, serving) => startOptimizer(bus, [plugin], serving))
}
