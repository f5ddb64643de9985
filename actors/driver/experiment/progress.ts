/** How an experiment stands, for those who watch. */
import { MaggyError, progress, type Counts, type PayloadOf } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { tell, type Bus } from '../../../src/bus/index.ts'
import type { ExperimentRun } from './run.ts'
import type { Fleet } from '../fleet/fleet.ts'

const quietMs = 10_000
const ringQuietMs = 2000
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
  const now = clock.elapsed()
  const running = [...history.held].slice(0, shown).flatMap((trial) => {
    const context = history.trial(trial)?.context
    if (!context || context.worker === null) return []
    const { attempt, worker, slot, startedAt } = context
    const last = run.last(trial)
    const ring = run.gangs?.standing(trial)
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
    waiting: waitingFor(run, fleet, server, now),
  }
}

function countsOf({ history }: ExperimentRun): Counts {
  const { done, pruned, failed, cancelled } = history.settledCounts
  return { queued: history.queued.size, running: history.held.size, done, pruned, failed, cancelled }
}

/** An experiment that nothing happens in says why, after a while. */
function waitingFor(
  run: ExperimentRun,
  fleet: Fleet,
  server: string,
  now: number,
): PayloadOf<typeof progress>['waiting'] {
  if (run.desk.problem !== null) {
    const { code, message, since } = run.desk.problem
    return { code, message, sinceMs: now - since }
  }
  const short = ringWaiting(run, fleet, server, now)
  if (short !== null) return short
  const fitting = fleet.present.some(({ labels }) => run.suits(labels))
  run.noteWorkers(fitting, now)
  const sinceMs = run.withoutWorkersSince === null ? 0 : now - run.withoutWorkersSince
  if (sinceMs < quietMs) return null
  const labels = Object.entries(run.submission.context.policy.labels).map(([name, value]) => `${name}=${value}`)
  const wanted = labels.length === 0 ? '' : ` with the labels ${labels.join(', ')}`
  const missing = new MaggyError('WORKERS_MISSING', { wanted, seconds: Math.round(sinceMs / 1000), server })
  return { code: missing.code, message: `${missing.message}; ${missing.remedy}`, sinceMs }
}

/** A ring that has not enough members says how many are missing. */
function ringWaiting(
  run: ExperimentRun,
  fleet: Fleet,
  server: string,
  now: number,
): PayloadOf<typeof progress>['waiting'] {
  const free = fleet.slots().filter(({ worker, elsewhere, running }) => {
    const labels = fleet.info(worker)?.labels ?? {}
    return run.suits(labels) && !elsewhere && (running === null || running.experiment === run.id)
  }).length
  const missing = run.gangs?.missing(now, free)
  run.missingSince = missing === undefined ? null : (run.missingSince ?? now)
  const sinceMs = run.missingSince === null ? 0 : now - run.missingSince
  if (missing === undefined || sinceMs < ringQuietMs || missing.there >= missing.wanted) return null
  const { there, wanted } = missing
  const said = new MaggyError('RING_MEMBERS_MISSING', { there, wanted, missing: wanted - there, server })
  return { code: said.code, message: `${said.message}; ${said.remedy}`, sinceMs }
}
