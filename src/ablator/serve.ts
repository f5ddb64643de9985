/** An ablator of one's own: a process that says what trials do without, and is named in an experiment. */
import { problem, type Removal } from '../../protocol/index.ts'
import { builtinAblators, type AblationQuestion } from '../ablation/index.ts'
import { runActor, type ActorDefinition } from '../actor/index.ts'
import { startAblator } from './service.ts'
import type { ServedAblator } from './session.ts'

/** What a served ablator is asked: an ablator's question, and what the experiment says about the whole study. */
export interface ServedAblationQuestion extends AblationQuestion {
  /** As the experiment gives them: `ablator: { name, …options }`. */
  readonly options: Readonly<Record<string, unknown>>
  /** The experiment's. */
  readonly seed: number
}

export interface ServeAblatorOptions {
  /** The name that experiments know it by. Letters, digits, - and _; not that of a built-in. */
  readonly name: string
  /**
   * What one trial does without, by the names of components (`{ without: [], repeat: 0 }` is the base), 'wait' while results must
   * come in first, or 'exhausted' when there is nothing more, ever. It may take its time. What it throws ends the experiment, not
   * the process.
   */
  readonly leaveOut: (
    question: ServedAblationQuestion,
  ) => Removal | 'wait' | 'exhausted' | Promise<Removal | 'wait' | 'exhausted'>
  /** Whether it looks at results; if not, `history` lacks them, and several are asked for ahead of time. Default: true. */
  readonly adaptive?: boolean
  /** The bus. Default: --server on the command line, or else MAGGY_SERVER, or else 127.0.0.1:4222. */
  readonly server?: string
  /** Where the address has none. Default: --token, or else MAGGY_TOKEN. */
  readonly token?: string
  /** The command line, in which --server, --token, --id and --log-level are known. Default: that of the process. */
  readonly argv?: readonly string[]
}

/** The plug-in that a function makes. Throws OPTION_INVALID for a name that cannot be served. */
export function servedAblator({ name, leaveOut, adaptive = true }: ServeAblatorOptions): ServedAblator {
  const invalid = (reason: string) => problem('OPTION_INVALID', { option: 'name', reason })
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,100}$/.test(name)) {
    throw invalid(`is ${JSON.stringify(name)}; letters, digits, - and _ only, at most 100`)
  }
  if (builtinAblators.has(name)) throw invalid(`is ${name}, which is a built-in; choose another`)
  if (typeof leaveOut !== 'function')
    throw problem('OPTION_INVALID', { option: 'leaveOut', reason: 'is not a function' })
  return {
    name,
    adaptive,
    create:
      ({ options, seed }) =>
      (question) =>
        leaveOut({ ...question, options, seed }),
  }
}

/**
 * Answers for an ablator of that name until the process is told to end (SIGTERM, SIGINT), and then ends it. Start as many as you
 * like: each experiment is taken by one of them. Rejects with OPTION_INVALID.
 */
export async function serveAblator(options: ServeAblatorOptions): Promise<never> {
  const plugin = servedAblator(options)
  const { server, token, argv = process.argv.slice(2) } = options
  const actor: ActorDefinition<object> = {
    name: plugin.name,
    description: `the ablator ${plugin.name}`,
    options: (command) => command,
    async start({ bus, id, onDropped }) {
      const service = startAblator(bus, [plugin], { id, onDropped })
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
