/** The ablator on the bus: answers open, suggest and observe for the plug-ins that it is given. */
import { observeAblation, openAblation, suggestRemovals } from '../../protocol/index.ts'
import { answer, type Bus } from '../bus/index.ts'
import { hostSessions, type Service, type ServiceOptions } from '../suggester/index.ts'
import { createAblation, type AblationSession, type ServedAblator } from './session.ts'

/** Starts to answer on the bus, by the names of the plug-ins. */
export function startAblator(bus: Bus, plugins: readonly ServedAblator[], options: ServiceOptions): Service {
  const { id: instance, onDropped, limits } = options
  const host = hostSessions<AblationSession>(bus, limits)
  const heard = onDropped === undefined ? {} : { onDropped }

  const serve = (plugin: ServedAblator) => {
    const ablator = plugin.name
    return [
      answer(
        bus,
        openAblation,
        { ablator },
        ({ experiment, ...setting }) => {
          host.open(ablator, experiment, createAblation(plugin, setting))
          return { instance, adaptive: plugin.adaptive }
        },
        { queue: 'ablator', ...heard },
      ),
      answer(
        bus,
        suggestRemovals,
        { ablator, instance },
        ({ experiment, trial, count }) => host.ask(ablator, experiment, (session) => session.suggest(trial, count)),
        heard,
      ),
      answer(bus, observeAblation, { ablator, instance }, (said) => host.tell(ablator, said), heard),
    ]
  }
  return host.serve(plugins.flatMap(serve))
}
