/** How an experiment stands, for those who watch. */
import { isProblem, progress, type Counts, type Metrics, type PayloadOf } from '../../../protocol/index.ts'
import type { Clock } from '../../../src/actor/index.ts'
import { tell, type Bus } from '../../../src/bus/index.ts'
import type { Fleet } from '../fleet/index.ts'
import type { ExperimentRun } from './run.ts'

const shown = 256
/** Of a trial's metrics, so many are told; `maggy show` tells all. */
const metricsAtMost = 16

interface Viewer {
  readonly id: string
  readonly clock: Clock
  /** What a command is given after `--server`, to come to the same bus. */
  readonly server: string
}

export function tellProgress(bus: Bus, run: ExperimentRun, fleet: Fleet, viewer: Viewer): void {
  const payload = progressOf(run, fleet, viewer)
  // A watcher that has missed one sees the next in a moment.
  try {
    tell(bus, progress, { experiment: run.id }, payload)
  } catch (error) {
    if (!isProblem(error, 'BUS_TOO_LARGE', 'MESSAGE_TOO_LARGE')) throw error
    // Progress of the whole experiment is told in any case.
    tell(bus, progress, { experiment: run.id }, { ...payload, running: [], best: null })
  }
}

function progressOf(run: ExperimentRun, fleet: Fleet, { id, clock, server }: Viewer): PayloadOf<typeof progress> {
  const { history } = run
  const begun = begunOf(run, fleet)
  const running = begun.slice(0, shown).flatMap((trial) => {
    const context = history.trial(trial)?.context
    if (!context || context.worker === null) return []
    const { attempt, worker, slot, startedAt } = context
    const last = run.last(trial)
    const ring = run.standing(trial)
    const step = last?.step ?? null
    const stands = { trial, attempt, worker, slot, startedAt, step, metrics: fewOf(last?.metrics ?? {}, run) }
    return [ring === undefined ? stands : { ...stands, ring }]
  })
  return {
    driver: id,
    state: history.state,
    at: clock.now(),
    trials: history.lifecycle.target,
    counts: countsWith(run, begun.length),
    best: history.best === null ? null : { ...history.best, metrics: fewOf(history.best.metrics, run) },
    running,
    workers: fleet.present.length,
    waiting: run.waiting.of(run, fleet, server, clock.elapsed()),
  }
}

/** The objectives first. */
function fewOf(metrics: Metrics, { submission }: ExperimentRun): Metrics {
  const names = Object.keys(metrics)
  if (names.length <= metricsAtMost) return metrics
  const objectives = submission.context.objectives
    .map(({ metric }) => metric)
    .filter((name) => Object.hasOwn(metrics, name))
  const few = [...new Set([...objectives, ...names])].slice(0, metricsAtMost)
  return Object.fromEntries(few.map((name) => [name, metrics[name] ?? null]))
}

/** Its worker has it, behind another one: of this experiment, as the log says, or of another one. */
function waits({ id: experiment, history }: ExperimentRun, fleet: Fleet, trial: number): boolean {
  if (history.waiting.has(trial)) return true
  const parts = history.trial(trial)?.context.parts ?? []
  return (
    parts.length > 0 &&
    parts.every(({ worker, attempt }) => fleet.find(worker, { experiment, trial, attempt })?.state === 'waiting')
  )
}

/** The trials that run, and do not wait in a slot. */
const begunOf = (run: ExperimentRun, fleet: Fleet): number[] =>
  [...run.history.held].filter((trial) => !waits(run, fleet, trial))

/** What waits in a slot is queued for those who watch. */
export const countsOf = (run: ExperimentRun, fleet: Fleet): Counts => countsWith(run, begunOf(run, fleet).length)

function countsWith({ history }: ExperimentRun, running: number): Counts {
  const { done, pruned, failed, cancelled } = history.settledCounts
  return { queued: history.queued.size + history.held.size - running, running, done, pruned, failed, cancelled }
}
