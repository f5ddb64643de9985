/** A user's own ablator: a process that decides which components trials leave out. Experiments name it. */
import type { Removal } from '../../protocol/index.ts'
import { builtinAblators, type AblationQuestion } from '../ablation/index.ts'
import { requireServable, serveProcess, type ServeProcessOptions } from '../suggester/index.ts'
import { startAblator } from './service.ts'
import type { ServedAblator } from './session.ts'

/** What a served ablator is asked: an ablator's question, and what the experiment says about the whole study. */
export interface ServedAblationQuestion extends AblationQuestion {
  /** As the experiment gives them: `ablator: { name, …options }`. */
  readonly options: Readonly<Record<string, unknown>>
  /** The experiment's. */
  readonly seed: number
}

export interface ServeAblatorOptions extends ServeProcessOptions {
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
}

/** The plug-in that a function makes. Throws OPTION_INVALID for a name that cannot be served. */
export function servedAblator({ name, leaveOut, adaptive = true }: ServeAblatorOptions): ServedAblator {
  requireServable(name, (one) => builtinAblators.has(one), 'leaveOut', leaveOut)
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
  return serveProcess(`the ablator ${plugin.name}`, options, (bus, serving) => startAblator(bus, [plugin], serving))
}
