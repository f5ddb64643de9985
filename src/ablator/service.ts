/**
 * The ablator on the bus: answers open, suggest and observe for the plug-ins that it is given. What it forgets, or loses with its
 * process, the driver opens again.
 */
import { observeAblation, openAblation, problem, suggestRemovals } from '../../protocol/index.ts'
import { answer, type Bus, type OnDropped } from '../bus/index.ts'
import { createSessions, type SessionLimits } from '../optimizer/index.ts'
import { createAblation, type AblationSession, type ServedAblator } from './session.ts'

export interface AblatorServiceOptions {
  /** Unique among processes: suggest and observe come to it alone. Letters, digits, - and _. */
  readonly id: string
  readonly onDropped?: OnDropped
  readonly limits?: SessionLimits
}

export interface AblatorService {
  /** How many experiments it knows. */
  readonly sessions: number
  /** Takes nothing new, and resolves when all that it was asked is answered. The driver then opens elsewhere. */
  drain(): Promise<void>
}

/** Starts to answer on the bus, by the names of the plug-ins. */
export function startAblator(
  bus: Bus,
  plugins: readonly ServedAblator[],
  options: AblatorServiceOptions,
): AblatorService {
  const { id } = options
  const sessions = createSessions<AblationSession>(options.limits)
  const underWay = new Set<Promise<unknown>>()
  const heard = options.onDropped === undefined ? {} : { onDropped: options.onDropped }

  const known = (key: string, experiment: string): AblationSession => {
    const session = sessions.get(key)
    if (session === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    return session
  }

  const serve = (plugin: ServedAblator) => {
    const ablator = plugin.name
    const keyOf = (experiment: string) => `${ablator}/${experiment}`
    return [
      answer(
        bus,
        openAblation,
        { ablator },
        ({ experiment, ...setting }) => {
          sessions.set(keyOf(experiment), createAblation(plugin, setting))
          sessions.trim()
          return { instance: id, adaptive: plugin.adaptive }
        },
        { queue: 'ablator', ...heard },
      ),
      answer(
        bus,
        suggestRemovals,
        { ablator, instance: id },
        async ({ experiment, trial, count }) => {
          const removals = known(keyOf(experiment), experiment).suggest(trial, count)
          underWay.add(removals)
          try {
            return await removals
          } finally {
            underWay.delete(removals)
          }
        },
        heard,
      ),
      answer(
        bus,
        observeAblation,
        { ablator, instance: id },
        ({ experiment, observations, closed }) => {
          const key = keyOf(experiment)
          if (closed) sessions.delete(key)
          else known(key, experiment).observe(observations)
          sessions.trim()
          return {}
        },
        heard,
      ),
    ]
  }

  const subscriptions = plugins.flatMap(serve)
  return {
    get sessions() {
      return sessions.size
    },
    async drain() {
      for (const subscription of subscriptions) subscription.unsubscribe()
      await Promise.allSettled(underWay)
      // One turn, in which the replies leave.
      await new Promise((resolve) => setImmediate(resolve))
      await bus.flush()
    },
  }
}
