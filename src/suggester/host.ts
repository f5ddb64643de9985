/**
 * Optimizers and ablators on the bus keep a session for each experiment, which the driver opens, asks and tells.
 * They need no state machine: every answer follows from one request and the history. The driver opens a session again when it was
 * forgotten, or lost with its process.
 */
import { encode, problem } from '../../protocol/index.ts'
import type { Measure } from '../actor/index.ts'
import type { Bus, OnDropped, Subscription } from '../bus/index.ts'
import { createSessions, type SessionLimits } from './sessions.ts'

export interface ServiceOptions {
  /** Unique among processes: suggest and observe come to it alone. Letters, digits, - and _. */
  readonly id: string
  readonly onDropped?: OnDropped
  readonly limits?: SessionLimits
}

export interface Service {
  /** How many experiments it knows. */
  readonly sessions: number
  /** Questions that it has not answered yet. */
  readonly questions: number
  /** It in numbers. */
  measures?(): Iterable<Measure>
  /** Takes nothing new, and resolves when all that it was asked is answered. The driver then opens elsewhere. */
  drain(): Promise<void>
}

interface Session {
  /** Trials in the history, pending ones among them. */
  readonly size: number
  observe(observations: readonly never[]): void
}

export interface SessionHost<S extends Session> {
  /** `told`: what it was opened with. */
  open(plugin: string, experiment: string, session: S, told: object): void
  /** Rejects with EXPERIMENT_UNKNOWN, or as the question does. */
  ask<A>(plugin: string, experiment: string, question: (session: S) => Promise<A>): Promise<A>
  /** Throws EXPERIMENT_UNKNOWN. `closed`: it may be forgotten. */
  tell(plugin: string, said: Told<S>): Record<string, never>
  /** The service that these subscriptions are. */
  serve(subscriptions: readonly Subscription[]): Service
}

interface Told<S extends Session> {
  readonly experiment: string
  readonly observations: Parameters<S['observe']>[0]
  readonly closed: boolean
}

export function hostSessions<S extends Session>(bus: Bus, limits: SessionLimits | undefined): SessionHost<S> {
  const sessions = createSessions<S>(limits)
  const underWay = new Set<Promise<unknown>>()
  const keyOf = (plugin: string, experiment: string): string => `${plugin}/${experiment}`

  const known = (plugin: string, experiment: string): S => {
    const session = sessions.get(keyOf(plugin, experiment))
    if (session === undefined) throw problem('EXPERIMENT_UNKNOWN', { experiment })
    return session
  }

  return {
    open(plugin, experiment, session, told) {
      sessions.set(keyOf(plugin, experiment), session, encode(told).length)
      sessions.trim()
    },
    async ask(plugin, experiment, question) {
      const answer = question(known(plugin, experiment))
      underWay.add(answer)
      try {
        return await answer
      } finally {
        underWay.delete(answer)
      }
    },
    tell(plugin, { experiment, observations, closed }) {
      if (closed) sessions.delete(keyOf(plugin, experiment))
      else {
        known(plugin, experiment).observe(observations)
        sessions.grow(keyOf(plugin, experiment), encode(observations).length)
      }
      sessions.trim()
      return {}
    },
    serve: (subscriptions) => ({
      get sessions() {
        return sessions.size
      },
      get questions() {
        return underWay.size
      },
      async drain() {
        for (const subscription of subscriptions) subscription.unsubscribe()
        await Promise.allSettled(underWay)
        // One turn, in which the replies leave.
        await new Promise((resolve) => setImmediate(resolve))
        await bus.flush()
      },
    }),
  }
}
