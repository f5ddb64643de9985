/** The optimizer on the bus: answers open, suggest and observe for the plug-ins that it is given. */
import { observe, open, suggest } from '../../protocol/index.ts'
import { answer, type Bus } from '../bus/index.ts'
import { hostSessions, type Service, type ServiceOptions } from '../suggester/index.ts'
import { createSession, type OptimizerPlugin, type Session } from './session.ts'

/** Starts to answer on the bus, by the names of the plug-ins. */
export function startOptimizer(bus: Bus, plugins: readonly OptimizerPlugin[], options: ServiceOptions): Service {
  const { id: instance, onDropped, limits } = options
  const host = hostSessions<Session>(bus, limits)
  const heard = onDropped === undefined ? {} : { onDropped }

  const serve = (plugin: OptimizerPlugin) => {
    const optimizer = plugin.name
    return [
      answer(
        bus,
        open,
        { optimizer },
        ({ experiment, ...setting }) => {
          const session = createSession(plugin, setting)
          host.open(optimizer, experiment, session)
          return { instance, adaptive: plugin.adaptive, notes: [...session.notes] }
        },
        { queue: 'optimizer', ...heard },
      ),
      answer(
        bus,
        suggest,
        { optimizer, instance },
        ({ experiment, trial, count }) => host.ask(optimizer, experiment, (session) => session.suggest(trial, count)),
        heard,
      ),
      answer(bus, observe, { optimizer, instance }, (said) => host.tell(optimizer, said), heard),
    ]
  }
  return host.serve(plugins.flatMap(serve))
}
