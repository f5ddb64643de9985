/** Supervises one runner: provides the effects that runner.machine names. */
import type { Clock } from '../../src/actor/index.ts'
import {
  attemptKey,
  problem,
  toTold,
  type Assignment,
  type AttemptOutcome,
  type Problem,
} from '../../protocol/index.ts'
import { flatActor, type FlatActor } from '../../src/machine/index.ts'
import { runnerMachine } from './runner.machine.ts'
import type { FromRunner, StopCause } from './runner-messages.ts'
import type { RunnerProcess, SpawnRunner } from './runner-process.ts'
import type { Loss } from './settlement.ts'
import type { Turns } from './turns.ts'

export interface RunnerEnd {
  readonly outcome: AttemptOutcome
  readonly startedAt: number | null
  readonly endedAt: number
  readonly points: number
  readonly checkpoint?: boolean
}

export interface RunnerReports {
  /** It can take an attempt now. */
  free(): void
  /** Its process is ready, the first one or another. */
  warm(backend: string, versions: Readonly<Record<string, string>>): void
  /** It cannot be started on this host. */
  unfit(reason: Problem): void
  started(assignment: Assignment, at: number): void
  ended(assignment: Assignment, end: RunnerEnd): void
  /** Its process went with the attempt in it. */
  lost(loss: Loss): void
  line(assignment: Assignment, from: 'stdout' | 'stderr', text: string): void
  /** For the worker's own log. */
  notice(text: string, details?: object): void
  gone(): void
}

export interface Runner {
  /** It can take an attempt. */
  readonly isFree: boolean
  /** Hands an attempt over to one that is free: it sees to its end. */
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
  /** Its number, among those of its worker. */
  readonly runner: number
  readonly spawn: SpawnRunner
  readonly turns: Turns
  readonly clock: Clock
  /** Tells the second thread, which hears it though the first one is blocked. */
  readonly tellStop: (assignment: Assignment, cause: StopCause) => void
  readonly maxServed: number
  readonly maxRssBytes: number
  readonly reports: RunnerReports
}): Runner {
  const { runner, spawn, clock, reports } = options
  let process: RunnerProcess | undefined
  let heardAt = clock.elapsed()
  let backend = { name: '', versions: {} as Readonly<Record<string, string>> }
  /** The backend that was told last. */
  let told: typeof backend | undefined
  let fault: Problem | undefined
  let lastWords = ''
  /** The runner's word on the attempt's end, while the machine takes it in. */
  let end: RunnerEnd | undefined

  let passTurn: () => void = () => undefined

  const machine = runnerMachine.provide({
    actions: {
      askTurn: () => {
        passTurn = options.turns.ask(() => {
          actor.send({ type: 'turn' })
        })
      },
      passTurn: () => {
        passTurn()
      },
      spawn: () => {
        heardAt = clock.elapsed()
        // Messages of a process that was given up concern nobody.
        const mine: RunnerProcess = spawn(runner, {
          message: (message) => {
            if (process === mine) hear(message)
          },
          output: (from, text) => {
            if (from === 'stderr' && text.trim() !== '') lastWords = text
            const { attempt } = actor.context
            if (attempt !== null) reports.line(attempt.assignment, from, text)
          },
          exit: (reason, outgrown = false) => {
            if (process === mine) actor.send({ type: 'exited', reason, outgrown })
          },
        })
        process = mine
      },
      begin: ({ context }) => {
        heardAt = clock.elapsed()
        if (context.attempt !== null) process?.send({ type: 'begin', ...context.attempt })
      },
      stop: ({ context }) => {
        if (context.attempt === null || context.cause === null) return
        const { assignment } = context.attempt
        process?.send({ type: 'stop', key: attemptKey(assignment.attempt), cause: context.cause })
        options.tellStop(assignment, context.cause)
      },
      leave: () => process?.send({ type: 'leave' }),
      kill: () => process?.kill(),
      settle: ({ context, event }) => {
        if (event.type !== 'exited' || context.attempt === null) return
        const { cause, killed, startedAt } = context
        const { reason, outgrown = false } = event
        reports.lost({ assignment: context.attempt.assignment, cause, killed, reason, outgrown, startedAt })
      },
      tellStarted: ({ context, event }) => {
        if (event.type === 'started' && context.attempt !== null) reports.started(context.attempt.assignment, event.at)
      },
      tellEnded: ({ context }) => {
        if (end !== undefined && context.attempt !== null) reports.ended(context.attempt.assignment, end)
      },
      tellWarm: () => {
        reports.free()
        // Once for each process, and not after each trial.
        if (told === backend) return
        told = backend
        reports.warm(backend.name, backend.versions)
      },
      tellUnfit: ({ event }) => {
        const reason =
          event.type === 'exited' ? `${event.reason}${lastWords === '' ? '' : `: ${lastWords}`}` : 'it does not start'
        reports.unfit(fault ?? toTold(problem('SETUP_FAILED', { part: 'runner', reason })))
      },
      tellIdleDeath: ({ event }) => {
        if (event.type !== 'exited') return
        reports.notice('a runner ended while nothing ran in it; another one is started', {
          runner,
          reason: event.reason,
        })
      },
      refuse: ({ event }) => {
        const { state } = actor
        reports.notice('an event that the runner does not expect now', { runner, state, event: event.type })
      },
    },
  })
  const actor: FlatActor<typeof runnerMachine> = flatActor(machine, {
    input: options,
    clock,
    onOver: () => {
      reports.gone()
    },
  })

  const hear = (message: FromRunner): void => {
    heardAt = clock.elapsed()
    const assignment = actor.context.attempt?.assignment
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
        if (assignment === undefined || message.key !== attemptKey(assignment.attempt)) return
        actor.send({ type: 'started', at: message.at })
        return
      case 'ended': {
        if (assignment === undefined || message.key !== attemptKey(assignment.attempt)) return
        const { outcome, startedAt, endedAt, points, checkpoint = false } = message
        end = { outcome, startedAt, endedAt, points, checkpoint }
        actor.send({ type: 'ended', rssBytes: message.rssBytes, last: message.last })
        end = undefined
      }
    }
  }

  actor.start()
  return {
    get isFree() {
      return actor.state === 'warm'
    },
    begin: (assignment, file) => actor.send({ type: 'begin', assignment, file }),
    stop: (cause) => actor.send({ type: 'stop', cause }),
    heard: () => {
      heardAt = clock.elapsed()
    },
    tick: (deaf) => {
      if (deaf || !works.some((state) => state === actor.state)) heardAt = clock.elapsed()
      else if (clock.elapsed() - heardAt > silenceMs) actor.send({ type: 'silent' })
    },
    handBack: () => actor.send({ type: 'handback' }),
    dismiss: () => {
      // One that could not be started has ended before.
      if (!actor.isOver) actor.send({ type: 'dismiss' })
    },
  }
}

/** States in which the process has an attempt, and so must be heard of. */
const works = ['sent', 'running', 'stopping'] as const
