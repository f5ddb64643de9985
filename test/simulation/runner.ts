/** A simulated runner: the real telemetry of its second thread on a bus of its own, and a training function that only takes time. */
import { createTelemetry } from '../../actors/worker/telemetry.ts'
import type { StopCause, ToRunner } from '../../actors/worker/runner-messages.ts'
import type { RunnerHears, RunnerProcess } from '../../actors/worker/runner-process.ts'
import { createSharedMemory, sharedFlags } from '../../actors/worker/shared-memory.ts'
import type { Bus } from '../../src/bus/index.ts'
import { attemptKey, type Assignment, type AttemptOutcome, type Hparams } from '../../protocol/index.ts'
import type { ProcessClock } from './event-clock.ts'

const startMs = 200
const channelMs = 1

/** What the training function returns for hparams: the log must hold exactly this. */
export const valueOf = (hparams: Hparams): number => Number(hparams['x']) * 2 - 1

export interface Pace {
  /** Whether train throws in this trial. */
  readonly fails?: ((trial: number) => boolean) | undefined
  readonly steps: number
  readonly stepMs: number
}

export interface SimulatedRunner extends RunnerProcess {
  /** Whether it still runs. */
  readonly alive: boolean
  /** Of its connection. */
  readonly name: string
  /** Ends as by a signal from outside; the worker hears of it. */
  crash(): void
  /** Ends with its worker: nobody hears of it. */
  vanish(): void
}

export function startRunner(options: {
  readonly bus: Bus
  readonly name: string
  readonly cut: () => void
  readonly clock: ProcessClock
  readonly worker: string
  readonly runner: number
  readonly pid: number
  readonly hears: RunnerHears
  /** The steps of a training of an experiment, and how long each takes. */
  readonly pace: (experiment: string) => Pace
}): SimulatedRunner {
  const { bus, clock, hears, worker, runner, pid } = options
  const flags = sharedFlags(createSharedMemory())
  const telemetry = createTelemetry({
    bus,
    clock,
    worker,
    runner,
    pid,
    flags,
    author: `${worker}-${runner}-${pid}`,
    onNotice: () => undefined,
    onRefused: () => undefined,
    onGoing: () => undefined,
  })
  let alive = true
  let serial = 0
  let current: { key: string; serial: number } | undefined

  const say = (message: Parameters<RunnerHears['message']>[0]): void => {
    clock.setTimeout(() => {
      if (alive) hears.message(message)
    }, channelMs)
  }
  const end = (reason: string, told: boolean): void => {
    if (!alive) return
    alive = false
    clock.end()
    options.cut()
    if (told) hears.exit(reason)
  }

  const train = async (assignment: Assignment): Promise<void> => {
    serial += 1
    const mine = { key: attemptKey(assignment.attempt), serial }
    current = mine
    const startedAt = clock.now()
    telemetry.begin({ ref: assignment.attempt, serial, trialTimeoutMs: assignment.trialTimeoutMs })
    say({ type: 'started', key: mine.key, at: startedAt })
    const value = valueOf(assignment.hparams)
    const { steps, stepMs, fails } = options.pace(assignment.attempt.experiment)
    let points = 0
    let outcome: AttemptOutcome =
      fails?.(assignment.attempt.trial) === true
        ? { kind: 'failed', problem: { code: 'TRAIN_FAILED', message: 'train threw' } }
        : { kind: 'done', metrics: { value } }
    for (let step = 0; step < steps; step += 1) {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, stepMs))
      const cause = flags.stopCause(mine.serial)
      if (cause !== undefined) {
        outcome = stopped(cause, points === 0 ? {} : { value: value * step })
        break
      }
      telemetry.point({ step, at: clock.now(), values: { value: value * (step + 1) } })
      points += 1
    }
    await telemetry.flushed()
    telemetry.end()
    current = undefined
    const endedAt = clock.now()
    say({
      type: 'ended',
      key: mine.key,
      outcome,
      startedAt,
      endedAt,
      points,
      rssBytes: 1,
      last: false,
      checkpoint: false,
    })
  }

  clock.setTimeout(() => {
    say({ type: 'ready', backend: 'simulated', versions: {} })
  }, startMs)

  const hear = (message: ToRunner): void => {
    if (!alive) return
    if (message.type === 'begin') void train(message.assignment)
    else if (message.type === 'stop') {
      if (current?.key === message.key) flags.stop(current.serial, message.cause)
    } else if (message.type === 'leave') end('it left', true)
  }
  return {
    pid,
    name: options.name,
    get alive() {
      return alive
    },
    send: (message) => {
      clock.setTimeout(() => {
        hear(message)
      }, channelMs)
    },
    kill: () => {
      clock.setTimeout(() => {
        end('SIGKILL', true)
      }, channelMs)
    },
    crash: () => {
      end('SIGSEGV', true)
    },
    vanish: () => {
      end('gone with its worker', false)
    },
  }
}

function stopped(cause: StopCause, metrics: Record<string, number>): AttemptOutcome {
  if (cause === 'timeout') return { kind: 'failed', problem: { code: 'TRIAL_TIMEOUT', message: 'took too long' } }
  return { kind: 'stopped', reason: cause, metrics }
}
