/**
 * The optimizer on the bus: answers open, suggest and observe for the plug-ins that it is given.
 * It has no machine, for it has no states: every answer follows from one request and the history, and what it forgets (or loses
 * with its process) the driver opens again.
 */
import { observe, open, problem, suggest } from '../../protocol/index.ts'
import { answer, type Bus, type OnDropped } from '../bus/index.ts'
import { createSession, type OptimizerPlugin, type Session } from './session.ts'
import { createSessions, type SessionLimits } from './sessions.ts'

export interface OptimizerServiceOptions {
  /** Unique among processes: suggest and observe come to it alone. Letters, digits, - and _. */
  readonly id: string
  readonly onDropped?: OnDropped
  readonly limits?: SessionLimits
}

export interface OptimizerService {
  /** How many experiments it knows. */
  readonly sessions: number
  /** Takes nothing new, and resolves when all that it was asked is answered. The driver then opens elsewhere. */
  drain(): Promise<void>
}

/** Starts to answer on the bus, by the names of the plug-ins. */
export function startOptimizer(
  bus: Bus,
  plugins: readonly OptimizerPlugin[],
  options: OptimizerServiceOptions,
): OptimizerService {
  const { id } = options
  const sessions = createSessions<Session>(options.limits)
  const underWay = new Set<Promise<unknown>>()
  const heard = options.onDropped === undefined ? {} : { onDropped: options.onDropped }

  const known = (key: string, experiment: string): Session => {
    const session = sessions.get(key)
    if (session === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    return session
  }

  const serve = (plugin: OptimizerPlugin) => {
    const optimizer = plugin.name
    const keyOf = (experiment: string) => `${optimizer}/${experiment}`
    return [
      answer(
        bus,
        open,
        { optimizer },
        ({ experiment, ...setting }) => {
          const session = createSession(plugin, setting)
          sessions.set(keyOf(experiment), session)
          sessions.trim()
          return { instance: id, adaptive: plugin.adaptive, notes: [...session.notes] }
        },
        { queue: 'optimizer', ...heard },
      ),
      answer(
        bus,
        suggest,
        { optimizer, instance: id },
        async ({ experiment, trial, count }) => {
          const suggestions = known(keyOf(experiment), experiment).suggest(trial, count)
          underWay.add(suggestions)
          try {
            return await suggestions
          } finally {
            underWay.delete(suggestions)
          }
        },
        heard,
      ),
      answer(
        bus,
        observe,
        { optimizer, instance: id },
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
