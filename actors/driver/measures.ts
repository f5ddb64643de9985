/** A driver in numbers. */
import { own } from '../../protocol/index.ts'
import type { Measure } from '../../src/actor/index.ts'
import type { ExperimentRun } from './experiment/index.ts'
import type { Fleet } from './fleet/index.ts'

/** `now`: elapsed. */
export function* driverMeasures(runs: readonly ExperimentRun[], fleet: Fleet, now: number): Iterable<Measure> {
  const gauge = (name: Measure['name'], help: string, value: number, labels: Record<string, string> = {}): Measure => ({
    name,
    kind: 'gauge',
    help,
    value,
    labels,
  })
  yield gauge('maggy_experiments', 'Experiments that this driver owns', runs.length)
  yield gauge(
    'maggy_slots_wanted',
    'Slots that could be used now, those that are in use among them: for autoscalers',
    runs.reduce((sum, run) => sum + wantedBy(run, now), 0),
  )
  yield gauge('maggy_workers', 'Workers that this driver knows to be here', fleet.present.length)
  const slots = fleet.slots()
  const busy = slots.filter(({ running }) => running !== null).length
  const slotsHelp = 'Slots of these workers, by whether something runs in them'
  yield gauge('maggy_slots', slotsHelp, busy, { state: 'busy' })
  yield gauge('maggy_slots', slotsHelp, slots.length - busy, { state: 'idle' })
  for (const { id: experiment, history } of runs) {
    for (const [state, count] of Object.entries(history.tally)) {
      yield gauge('maggy_trials', 'Trials of the experiments that this driver owns', count, { experiment, state })
    }
    const [objective, another] = history.submission.context.objectives
    const value = objective === undefined ? undefined : own(history.best?.metrics ?? {}, objective.metric)
    if (objective === undefined || another !== undefined || typeof value !== 'number') continue
    const { metric } = objective
    yield gauge('maggy_best_value', 'The best value of the objective so far', value, { experiment, metric })
  }
}

/** Places that it holds and that it could take besides. */
function wantedBy(run: ExperimentRun, now: number): number {
  const inRings = run.needs(now).reduce((sum, { most }) => sum + most, 0)
  return run.share + run.queued(now) + run.fresh() + inRings
}
