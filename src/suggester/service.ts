/**
 * An optimizer or an ablator on the bus: it answers open, suggest and observe for its plug-ins. The two differ only in the content of
 * these messages and in their sessions.
 */
import type { Call, ServedName } from '../../protocol/index.ts'
import { announcePresence, systemClock } from '../actor/index.ts'
import { answer, type Bus } from '../bus/index.ts'
import { traced } from '../tracing/index.ts'
import { hostSessions, type Service, type ServiceOptions } from './host.ts'
import type { AnySession } from './session.ts'

interface Plugin {
  readonly name: string
  /** Whether a suggestion depends on results. */
  readonly adaptive: boolean
  /** Its options as a JSON Schema, for people who choose. */
  readonly options?: Readonly<Record<string, unknown>>
}

interface Role<P extends Plugin, Setting, Session extends AnySession> {
  readonly role: 'optimizer' | 'ablator'
  /** Their payloads are checked on the bus, so that `create` gets a setting and sessions get observations. */
  readonly calls: { readonly open: Call; readonly suggest: Call; readonly observe: Call }
  readonly create: (plugin: P, setting: Setting) => Session
}

/** Starts to answer, by the names of the plug-ins. */
export function startService<P extends Plugin, Setting, Session extends AnySession>(
  bus: Bus,
  { role, calls, create }: Role<P, Setting, Session>,
  plugins: readonly P[],
  { id: instance, onDropped, limits }: ServiceOptions,
): Service {
  const host = hostSessions<Session>(bus, limits)
  const heard = onDropped === undefined ? {} : { onDropped }
  const serve = (plugin: P) => {
    const { name, adaptive } = plugin
    const any = { [role]: name }
    const here = { [role]: name, instance }
    return [
      answer(
        bus,
        calls.open,
        any,
        (payload) => {
          const { experiment, ...setting } = payload as { experiment: string }
          const session = create(plugin, setting as Setting)
          host.open(name, experiment, session, setting)
          return { instance, adaptive, ...(session.notes === undefined ? {} : { notes: [...session.notes] }) }
        },
        { queue: role, ...heard },
      ),
      answer(
        bus,
        calls.suggest,
        here,
        async (payload) => {
          const { experiment, trial, count } = payload as { experiment: string; trial: number; count: number }
          const startedAt = systemClock.now()
          const answer = await host.ask(name, experiment, (session) => session.suggest(trial, count))
          const endedAt = systemClock.now()
          const attributes = { [`maggy.${role}`]: name, 'maggy.count': count }
          traced(() => ({ experiment, trial, name: 'suggest', below: 'trial', startedAt, endedAt, attributes }))
          return answer
        },
        heard,
      ),
      answer(bus, calls.observe, here, (said) => host.tell(name, said as Parameters<typeof host.tell>[1]), heard),
    ]
  }
  const service = host.serve(plugins.flatMap(serve))
  const serves = plugins.map(({ name, adaptive, options }): ServedName => {
    return { name, adaptive, ...(options === undefined ? {} : { options }) }
  })
  const presence = announcePresence(
    bus,
    instance,
    () => ({ role, serves, load: { experiments: service.sessions, questions: service.questions } }),
    onDropped,
  )
  return {
    get sessions() {
      return service.sessions
    },
    get questions() {
      return service.questions
    },
    *measures() {
      const help = `Experiments that this ${role} knows`
      yield { name: 'maggy_sessions', kind: 'gauge', help, value: service.sessions, labels: { role } }
      const questions = 'Questions that it has not answered yet'
      yield { name: 'maggy_questions', kind: 'gauge', help: questions, value: service.questions, labels: { role } }
    },
    drain() {
      presence.unsubscribe()
      return service.drain()
    },
  }
}
