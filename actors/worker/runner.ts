/** Supervises one slot's runner: provides the effects that runner.machine names. */
import { createActor } from 'xstate'
import type { Clock } from '../../src/actor/index.ts'
import { problem, type Assignment, type AttemptOutcome, type Problem } from '../../protocol/index.ts'
import { runnerMachine } from './runner.machine.ts'
import { keyOf, type FromRunner, type StopCause } from './runner-messages.ts'
import type { RunnerProcess, SpawnRunner } from './runner-process.ts'
import { said, type Loss } from './settlement.ts'

export interface RunnerEnd {
  readonly outcome: AttemptOutcome
  readonly startedAt: number | null
  readonly endedAt: number
  readonly points: number
  readonly checkpoint?: boolean
}

export interface RunnerReports {
  /** It can take an attempt. */
  warm(backend: string, versions: Readonly<Record<string, string>>): void
  /** It cannot be started on this host. */
  unfit(reason: Problem): void
  started(assignment: Assignment, at: number): void
  ended(assignment: Assignment, end: RunnerEnd): void
  lost(loss: Loss, startedAt: number | null): void
  line(assignment: Assignment | null, from: 'stdout' | 'stderr', text: string): void
  gone(): void
}

export interface Runner {
  readonly pid: number
  begin(assignment: Assignment, file: string): void
  stop(cause: StopCause): void
  /** Its second thread was heard. */
  heard(): void
  /** Once a second: whether it was heard of late. `deaf`: we cannot hear anybody now. */
  tick(deaf: boolean): void
  handBack(): void
  dismiss(): void
}

const silenceMs = 15_000

export function createRunner(options: {
  readonly slot: number
  readonly spawn: SpawnRunner
  readonly clock: Clock
  readonly maxServed: number
  readonly maxRssBytes: number
  readonly reports: RunnerReports
}): Runner {
  const { slot, spawn, clock, reports } = options
  let process: RunnerProcess | undefined
  let heardAt = clock.elapsed()
  let startedAt: number | null = null
  let backend = { name: '', versions: {} as Readonly<Record<string, string>> }
  let fault: Problem | undefined
  let lastWords = ''

  const machine = runnerMachine.provide({
    actions: {
      spawn: () => {
        heardAt = clock.elapsed()
        // What a process says after it was given up concerns nobody.
        const mine: RunnerProcess = spawn(slot, {
          message: (message) => {
            if (process === mine) hear(message)
          },
          output: (from, text) => {
            if (from === 'stderr' && text.trim() !== '') lastWords = text
            reports.line(actor.getSnapshot().context.assignment, from, text)
          },
          exit: (reason) => {
            if (process === mine) actor.send({ type: 'exited', reason })
          },
        })
        process = mine
      },
      begin: ({ event }) => {
        if (event.type !== 'begin') return
        startedAt = null
        heardAt = clock.elapsed()
        process?.send({ type: 'begin', assignment: event.assignment, file: event.file })
      },
      stop: ({ context }) => {
        if (context.assignment === null || context.cause === null) return
        process?.send({ type: 'stop', key: keyOf(context.assignment.attempt), cause: context.cause })
      },
      leave: () => process?.send({ type: 'leave' }),
      kill: () => process?.kill(),
      settle: ({ context, event }) => {
        if (event.type !== 'exited' || context.assignment === null) return
        const { assignment, cause, killed } = context
        reports.lost({ assignment, cause, killed, reason: event.reason }, startedAt)
      },
      tellWarm: () => {
        reports.warm(backend.name, backend.versions)
      },
      tellUnfit: ({ event }) => {
        const reason =
          event.type === 'exited' ? `${event.reason}${lastWords === '' ? '' : `: ${lastWords}`}` : 'it does not start'
        reports.unfit(fault ?? said(problem('SETUP_FAILED', { part: 'runner', reason })))
      },
    },
  })
  const actor = createActor(machine, { input: options, clock })

  const hear = (message: FromRunner): void => {
    heardAt = clock.elapsed()
    const { assignment } = actor.getSnapshot().context
    switch (message.type) {
      case 'hello':
        return
      case 'ready':
        backend = { name: message.backend, versions: message.versions }
        actor.send({ type: 'ready' })
        return
      case 'unfit':
        fault = message.problem
        actor.send({ type: 'unfit' })
        return
      case 'started':
        if (assignment === null || message.key !== keyOf(assignment.attempt)) return
        startedAt = message.at
        reports.started(assignment, message.at)
        return
      case 'ended': {
        if (assignment === null || message.key !== keyOf(assignment.attempt)) return
        const { outcome, startedAt: began, endedAt, points, checkpoint = false } = message
        // Warm again before the result is told: what waits begins first, the result travels beside it.
        actor.send({ type: 'ended', rssBytes: message.rssBytes, last: message.last })
        reports.ended(assignment, { outcome, startedAt: began, endedAt, points, checkpoint })
      }
    }
  }

  actor.subscribe({
    complete: () => {
      reports.gone()
    },
  })
  actor.start()
  return {
    get pid() {
      return process?.pid ?? 0
    },
    begin: (assignment, file) => actor.send({ type: 'begin', assignment, file }),
    stop: (cause) => actor.send({ type: 'stop', cause }),
    heard: () => {
      heardAt = clock.elapsed()
    },
    tick: (deaf) => {
      const { value } = actor.getSnapshot()
      if (deaf || (value !== 'busy' && value !== 'stopping')) heardAt = clock.elapsed()
      else if (clock.elapsed() - heardAt > silenceMs) actor.send({ type: 'silent' })
    },
    handBack: () => actor.send({ type: 'handback' }),
    dismiss: () => actor.send({ type: 'dismiss' }),
  }
}
