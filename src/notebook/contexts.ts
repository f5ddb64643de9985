/** The contexts of `setContext`: by the names of the talk, and each takes over from those before it what it leaves out. */
import { problem } from '../../protocol/index.ts'
import {
  ablation,
  optimization,
  training,
  type AblationOptions,
  type ContextOf,
  type OptimizationOptions,
  type Space,
  type TrainingOptions,
} from '../experiment/index.ts'

/** What an ablation compares by, which it may take over from the search before it. */
type WithoutObjective<O> = Omit<O, 'metric' | 'direction' | 'objectives'> &
  Partial<Pick<O, Extract<keyof O, 'metric' | 'direction' | 'objectives'>>>

export interface ContextOptions {
  readonly exploration: { readonly hparams?: object }
  readonly optimization: OptimizationOptions<Space, object>
  /** `metric` and `direction`: by default those of the context before it that had some. */
  readonly ablation: WithoutObjective<AblationOptions<object>>
  readonly training: TrainingOptions<object>
}

export type ContextKind = keyof ContextOptions

export type Chosen =
  { readonly kind: 'exploration'; readonly hparams: object } | { readonly kind: 'context'; readonly context: ContextOf }

/** `before`: the context that was set before. Throws NOTEBOOK_INVALID, and what the context itself throws. */
export function contextFor(kind: string, options: object, before: ContextOf | undefined): Chosen {
  switch (kind) {
    case 'exploration': {
      const { hparams = {} } = options as ContextOptions['exploration']
      return { kind, hparams }
    }
    case 'optimization':
      return made(optimization(options as OptimizationOptions<Space, object>))
    case 'training':
      return made(training(options as TrainingOptions<object>))
    case 'ablation':
      return made(ablation({ ...objectiveOf(before), ...options } as AblationOptions<object>))
    default:
      throw problem('NOTEBOOK_INVALID', {
        path: `setContext(${JSON.stringify(kind)}, …)`,
        reason: 'names no context: there are exploration, optimization, ablation, training',
      })
  }
}

const made = (context: ContextOf): Chosen => ({ kind: 'context', context })

function objectiveOf(before: ContextOf | undefined): object {
  const [objective] = before?.context.objectives ?? []
  return objective === undefined ? {} : { metric: objective.metric, direction: objective.direction }
}
