/** How an experiment stands, for those who watch. */
import { progress, type Counts, type PayloadOf } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { tell, type Bus } from '../../../src/bus/index.ts'
import type { Fleet } from '../fleet/index.ts'
import type { ExperimentRun } from './run.ts'

const shown = 256

interface Viewer {
  readonly id: string
  readonly clock: Clock
}

export function tellProgress(bus: Bus, run: ExperimentRun, fleet: Fleet, viewer: Viewer): void {
  const payload = progressOf(run, fleet, bus.server, viewer)
  // A watcher that has missed one sees the next in a moment.
  tell(bus, progress, { experiment: run.id }, payload)
}

function progressOf(
  run: ExperimentRun,
  fleet: Fleet,
  server: string,
  { id, clock }: Viewer,
): PayloadOf<typeof progress> {
  const { history, submission } = run
  const running = [...history.held].slice(0, shown).flatMap((trial) => {
    const context = history.trial(trial)?.context
    if (!context || context.worker === null) return []
    const { attempt, worker, slot, startedAt } = context
    const last = run.last(trial)
    const ring = run.standing(trial)
    const step = last?.step ?? null
    const stands = { trial, attempt, worker, slot, startedAt, step, metrics: last?.metrics ?? {} }
    return [ring === undefined ? stands : { ...stands, ring }]
  })
  return {
    driver: id,
    state: history.state,
    at: clock.now(),
    trials: submission.context.trials,
    counts: countsOf(run),
    best: history.best,
    running,
    workers: fleet.present.length,
    waiting: run.waiting.of(run, fleet, server, clock.elapsed()),
  }
}

function countsOf({ history }: ExperimentRun): Counts {
  const { done, pruned, failed, cancelled } = history.settledCounts
  return { queued: history.queued.size, running: history.held.size, done, pruned, failed, cancelled }
}
