/** A driver in numbers. */
import { own } from '../../protocol/index.ts'
import type { Measure } from '../../src/actor/index.ts'
import { countsOf, type ExperimentRun } from './experiment/index.ts'
import type { Fleet } from './fleet/index.ts'

/** `now`: elapsed. `wallMs`: by the clock that stamps the log. */
export function* driverMeasures(
  runs: readonly ExperimentRun[],
  fleet: Fleet,
  now: number,
  wallMs: number,
): Iterable<Measure> {
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
  const wantedHelp = 'The same by experiment, with what a slot must have: for pools of workers that differ'
  for (const run of runs) {
    const { memoryBytes = 0, gpus = 0 } = run.wish.resources
    const labels = { experiment: run.id, memory_bytes: String(memoryBytes), gpus: String(gpus) }
    yield gauge('maggy_experiment_slots_wanted', wantedHelp, wantedBy(run, now), labels)
  }
  yield gauge('maggy_workers', 'Workers that this driver knows to be here', fleet.present.length)
  const costHelp =
    'Seconds of work of this driver that are lost if the worker is gone now: autoscalers send away those that cost the least'
  for (const { worker } of fleet.present)
    yield gauge('maggy_worker_drain_cost_seconds', costHelp, drainCostMs(worker, fleet, runs, wallMs) / 1000, {
      worker,
    })
  const slots = fleet.slots()
  const busy = slots.filter(({ running }) => running !== null).length
  const slotsHelp = 'Slots of these workers, by whether something runs in them'
  yield gauge('maggy_slots', slotsHelp, busy, { state: 'busy' })
  yield gauge('maggy_slots', slotsHelp, slots.length - busy, { state: 'idle' })
  for (const run of runs) {
    const { id: experiment, history } = run
    for (const [state, count] of Object.entries(countsOf(run, fleet))) {
      yield gauge('maggy_trials', 'Trials of the experiments that this driver owns', count, { experiment, state })
    }
    const [objective, another] = history.submission.context.objectives
    const value = objective === undefined ? undefined : own(history.best?.metrics ?? {}, objective.metric)
    if (objective === undefined || another !== undefined || typeof value !== 'number') continue
    const { metric } = objective
    yield gauge('maggy_best_value', 'The best value of the objective so far', value, { experiment, metric })
  }
}

/**
 * Of what runs in a worker's slots: how long it has run since it began, or since its last checkpoint. A member of a ring costs nothing
 * while there are others, for these go on from the same step.
 */
function drainCostMs(worker: string, fleet: Fleet, runs: readonly ExperimentRun[], wallMs: number): number {
  let ms = 0
  for (const { running } of fleet.slotsOf(worker)) {
    const attempt = running?.attempt ?? null
    const run = attempt === null ? undefined : runs.find(({ id }) => id === attempt.experiment)
    const context = run?.history.trial(attempt?.trial ?? -1)?.context
    if (running === null || run === undefined || context === undefined || context.parts.length > 1) continue
    const begun = context.startedAt ?? running.assignedAt
    ms += Math.max(0, wallMs - Math.max(begun, run.history.records.checkpoints.receivedAt(context.trial) ?? 0))
  }
  return ms
}

/** Places that it holds and that it could take besides. */
function wantedBy(run: ExperimentRun, now: number): number {
  const inRings = run.needs(now).reduce((sum, { most }) => sum + most, 0)
  return run.places + run.queued(now) + run.fresh() + inRings
}
