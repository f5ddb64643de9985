/**
 * A whole system in one process and in simulated time: real drivers, workers and optimizers on the in-memory bus; only what a runner
 * computes is made up. Any process can be killed at any message, and any message can be lost, doubled or held up.
 */
import { pino } from 'pino'
import { startDriver } from '../../actors/driver/driver.ts'
import { driverDefaults } from '../../actors/driver/options.ts'
import { createWorker } from '../../actors/worker/worker.ts'
import {
  decodePayload,
  log,
  progress,
  resumeExperiment,
  stopExperiment,
  subjectFor,
  submit,
  type LogEvent,
  type PayloadOf,
  type Submission,
} from '../../protocol/index.ts'
import {
  ask,
  createMemoryNetwork,
  hear,
  type Bus,
  type Leg,
  type MemoryNetwork,
  type Transit,
} from '../../src/bus/index.ts'
import { changeAndResume, pauseRunning, takeUp, type ChangeOf } from '../../src/client/index.ts'
import { startOptimizer } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { EventClock, type ProcessClock } from './event-clock.ts'
import { startRunner, type Pace, type SimulatedRunner } from './runner.ts'

export type Role = 'driver' | 'worker' | 'optimizer'

export interface Process {
  readonly role: Role
  readonly id: string
  readonly bus: Bus
  readonly clock: ProcessClock
  readonly slots: number
  runners: SimulatedRunner[]
  /** As SIGTERM. */
  drain: () => Promise<void>
}

export interface WorldOptions {
  readonly pace: (experiment: string) => Pace
  /** Looks at every message on its way. */
  readonly transit: (leg: Leg, world: World) => Transit
}

/** States of an experiment that need no resuming. */
const going = new Set(['opening', 'searching', 'finishing', 'done'])
export const logger = pino({ level: process.env['MAGGY_TEST_LOG'] ?? 'silent' })

export class World {
  readonly clock = new EventClock()
  readonly network: MemoryNetwork
  readonly client: Bus
  /** What bus handlers threw: always a fault of ours. */
  readonly faults: string[] = []
  /** By the names of their connections. */
  readonly processes = new Map<string, Process>()
  readonly logs = new Map<string, LogEvent[]>()
  /** Entries of the log, which are what appends cost. */
  entries = 0
  readonly standings = new Map<string, PayloadOf<typeof progress> & { readonly heardAt: number }>()
  readonly #options: WorldOptions
  readonly #over = new AbortController()
  #births = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.network = createMemoryNetwork({
      clock: this.clock,
      onFault: (fault) => this.faults.push(String(fault instanceof Error ? fault.stack : JSON.stringify(fault))),
      transit: (leg) => options.transit(leg, this),
    })
    this.client = this.network.connect('client')
  }

  async open(): Promise<void> {
    await this.client.streams.ensure()
    void this.#follow()
    hear(this.client, progress, { experiment: '*' }, (said, { experiment }) => {
      this.standings.set(experiment, { ...said, heardAt: this.clock.now() })
    })
  }

  async close(): Promise<void> {
    this.#over.abort()
    for (const name of Array.from(this.processes.keys())) this.kill(name)
    await this.client.close()
  }

  /** Starts a process; its connection's name is its id and the number of its birth. */
  async start(role: Role, id: string, slots = 1): Promise<string> {
    this.#births += 1
    const name = `${id}_${this.#births}`
    const clock = this.clock.process()
    const born: Process = {
      role,
      id,
      bus: this.network.connect(name),
      clock,
      slots,
      runners: [],
      drain: () => Promise.resolve(),
    }
    this.processes.set(name, born)
    if (role === 'driver') await this.#startDriver(born, name)
    else if (role === 'optimizer') {
      const service = startOptimizer(born.bus, [...builtinSamplers.values()], { id: name, onDropped: () => undefined })
      born.drain = () => service.drain()
    } else this.#startWorker(born)
    return name
  }

  /** As kill -9. */
  kill(name: string): Process | undefined {
    const dying = this.processes.get(name)
    if (dying === undefined) return undefined
    this.processes.delete(name)
    dying.clock.end()
    this.network.outage(dying.bus)
    for (const runner of dying.runners) runner.vanish()
    return dying
  }

  /** As SIGTERM: it ends in order, and then `ended` is called; not if it is killed meanwhile. */
  drain(name: string, ended: (gone: Process) => void): void {
    const leaving = this.processes.get(name)
    const over = (): void => {
      const gone = this.kill(name)
      if (gone !== undefined) ended(gone)
    }
    leaving?.drain().then(over, over)
  }

  /** Runs until the condition holds; false: it did not within `ms` of simulated time. */
  async run(ms: number, holds: () => boolean = () => false): Promise<boolean> {
    const until = this.clock.now() + ms
    for (;;) {
      await this.network.settled()
      if (holds()) return true
      if (!this.clock.advance(until)) return false
    }
  }

  /** As a client does: until somebody says that it is accepted. */
  submit(submission: Submission): void {
    void this.#ask(() => ask(this.client, submit, {}, submission, { timeoutMs: 5000 }))
  }

  /** Stops an experiment, and resumes it `ms` later unless it was done by then; resolves once that has been answered. */
  async interrupt(experiment: string, mode: 'finish' | 'cancel', ms: number): Promise<void> {
    await this.#ask(() => ask(this.client, stopExperiment, { experiment }, { mode }, { timeoutMs: 2000 }), 5)
    await new Promise<void>((resolve) => this.clock.setTimeout(resolve, ms))
    await this.#ask(async () => {
      const { state } = await ask(this.client, resumeExperiment, {}, { experiment }, { timeoutMs: 5000 })
      // One that is still being stopped has not been resumed.
      if (!going.has(state)) throw new Error(state)
    })
  }

  /** As a user does with the client: asked until somebody has answered. */
  async change(experiment: string, change: ChangeOf): Promise<void> {
    await changeAndResume(this.client, experiment, change, { clock: this.clock.process() })
  }

  /** Paused, and resumed `ms` later. */
  async pause(experiment: string, now: boolean, ms: number): Promise<void> {
    await this.#ask(() => pauseRunning(this.client, experiment, now), 5)
    await new Promise<void>((resolve) => this.clock.setTimeout(resolve, ms))
    await takeUp(this.client, experiment, { clock: this.clock.process() })
  }

  async #ask(question: () => Promise<unknown>, tries = 60): Promise<void> {
    for (let left = tries; left > 0; left -= 1) {
      try {
        await question()
        return
      } catch {
        await new Promise<void>((resolve) => this.clock.setTimeout(resolve, 500))
      }
    }
  }

  ended(experiment: string): boolean {
    return this.logs.get(experiment)?.at(-1)?.type === 'experiment.ended'
  }

  async #follow(): Promise<void> {
    const subject = subjectFor(log, { experiment: '*' })
    for await (const entry of this.client.streams.follow('log', subject, { signal: this.#over.signal })) {
      const { events } = decodePayload(log, entry.data, entry.subject)
      const experiment = entry.subject.split('.').at(-1) ?? ''
      this.entries += 1
      const known = this.logs.get(experiment)
      if (known === undefined) this.logs.set(experiment, [...events])
      else known.push(...events)
    }
  }

  async #startDriver(born: Process, name: string): Promise<void> {
    const { id, bus, clock } = born
    try {
      const env = { bus, clock, logger, id, onDropped: () => undefined, access: {} }
      const actor = await startDriver(env, { ...driverDefaults })
      born.drain = () => actor.drain('simulated')
    } catch {
      // It lost the bus while it started: as whoever supervises it would, again.
      this.kill(name)
      this.clock.setTimeout(() => void this.start('driver', id), 1000)
    }
  }

  #startWorker(born: Process): void {
    const { id, bus, clock, slots } = born
    const { pace } = this.#options
    const worker = createWorker({
      bus,
      clock,
      info: {
        worker: id,
        host: 'h',
        pid: this.#births,
        slots,
        labels: {},
        cores: 1,
        memoryBytes: 1,
        versions: {},
        startedAt: clock.now(),
        can: ['bundle', 'ablated', 'ring', 'resumeFrom'],
        ahead: 16,
      },
      cache: { fetch: () => Promise.resolve('file'), keep: () => Promise.resolve('file') },
      spawn: (number, hears) => {
        this.#births += 1
        const name = `${id}/runner#${this.#births}`
        const connection = this.network.connect(name)
        const runner = startRunner({
          bus: connection,
          name,
          cut: () => {
            this.network.outage(connection)
          },
          clock: this.clock.process(),
          worker: id,
          runner: number,
          pid: this.#births,
          hears,
          pace,
        })
        born.runners = [...born.runners.filter(({ alive }) => alive), runner]
        return runner
      },
      maxTrialsPerRunner: 3,
      maxRssBytes: 1000,
      notice: false,
      drainTimeoutMs: null,
      onNotice: () => undefined,
    })
    worker.ended.catch((error: unknown) => this.faults.push(String(error)))
    born.drain = () => worker.drain('simulated')
    this.statuses.set(bus, () => worker.status)
  }

  readonly statuses = new Map<Bus, () => ReturnType<typeof createWorker>['status']>()
}
