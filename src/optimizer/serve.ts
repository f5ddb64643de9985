/** An optimizer of one's own: a process that suggests hparams by a function, and is named in an experiment. */
import { problem, type Hparams, type Observation } from '../../protocol/index.ts'
import { runActor, type ActorDefinition } from '../actor/index.ts'
import { builtinSamplers, type Question } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'
import { sample } from '../space/index.ts'
import { startOptimizer } from './service.ts'
import type { Answer, OptimizerPlugin } from './session.ts'

/** What a served optimizer is asked: a sampler's question, and what the experiment says about the whole search. */
export interface ServedQuestion extends Question {
  /** As the experiment gives them: `optimizer: { name, …options }`. */
  readonly options: Readonly<Record<string, unknown>>
  /** How many trials there will be at most. */
  readonly trials: number
  /** The trial that did best so far by the first objective, of those that are done. */
  readonly best: Observation | undefined
  /** A point of the space by chance (from `random`). */
  readonly sample: () => Hparams
}

export interface ServeOptions {
  /** The name that experiments know it by. Letters, digits, - and _; not that of a built-in. */
  readonly name: string
  /**
   * hparams for one trial, inside `space`; or `{ hparams, fidelity: { budget, from } }` for one that goes so far and continues the
   * checkpoint of another; or 'wait' until a pending trial has ended; or 'exhausted' when there is nothing more, ever. For
   * searches that can be repeated, take randomness from `random` only. It may take its time. What it throws ends the experiment,
   * not the process.
   */
  readonly suggest: (question: ServedQuestion) => Answer | Promise<Answer>
  /** Whether suggestions depend on results; if not, `history` lacks them, and several are asked for ahead of time. Default: true. */
  readonly adaptive?: boolean
  /** The bus. Default: --server on the command line, or else MAGGY_SERVER, or else 127.0.0.1:4222. */
  readonly server?: string
  /** Where the address has none. Default: --token, or else MAGGY_TOKEN. */
  readonly token?: string
  /** The command line, in which --server, --token, --id and --log-level are known. Default: that of the process. */
  readonly argv?: readonly string[]
}

/** The plug-in that a suggest function makes. Throws OPTION_INVALID for a name that cannot be served. */
export function servedPlugin({ name, suggest, adaptive = true }: ServeOptions): OptimizerPlugin {
  const invalid = (reason: string) => problem('OPTION_INVALID', { option: 'name', reason })
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,100}$/.test(name)) {
    throw invalid(`is ${JSON.stringify(name)}; letters, digits, - and _ only, at most 100`)
  }
  if (builtinSamplers.has(name) || builtinSchedulers.has(name))
    throw invalid(`is ${name}, which is a built-in; choose another`)
  if (typeof suggest !== 'function') throw problem('OPTION_INVALID', { option: 'suggest', reason: 'is not a function' })
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
    const value = observation.metrics[objective.metric]
    if (observation.state !== 'done' || value === undefined || value === null) continue
    const loss = objective.direction === 'minimize' ? value : -value
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
  const { server, token, argv = process.argv.slice(2) } = options
  const actor: ActorDefinition<object> = {
    name: plugin.name,
    description: `the optimizer ${plugin.name}`,
    options: (command) => command,
    async start({ bus, id, onDropped }) {
      const service = startOptimizer(bus, [plugin], { id, onDropped })
      await bus.flush()
      return service
    },
  }
  // The command line comes last, for it is what the person at the terminal wants now.
  const given = [
    ...(server === undefined ? [] : ['--server', server]),
    ...(token === undefined ? [] : ['--token', token]),
  ]
  return runActor(actor, [...given, ...argv])
}
