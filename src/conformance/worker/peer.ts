/** The driver's side of the conversations with a worker: it calls the roll, leases a slot, hands over attempts and hears what comes of them. */
import { randomBytes } from 'node:crypto'
import {
  announce,
  assign,
  beat,
  check,
  done,
  driverBeat,
  driverPing,
  isProblem,
  lease,
  partBytes,
  ping,
  problem,
  readBundle,
  release,
  rollCall,
  started,
  stopTrial,
  subjectFor,
  type Assignment,
  type AttemptRef,
  type Bundle,
  type Call,
  type Hparams,
  type PayloadOf,
  type WorkerInfo,
  type WorkerStatus,
} from '../../../protocol/index.ts'
import { answer, hear, tell, type Subscription } from '../../bus/index.ts'
import { Finding, requires } from '../check.ts'
import { cameText, told, type Came, type Line } from '../line.ts'

export interface WorkerPeerOptions {
  readonly line: Line
  /** The identity of the worker. */
  readonly name: string
  /** The bundle that the trials run: a worker reads it from the driver. */
  readonly bundle: Bundle
  readonly code: Uint8Array
  /** Hyperparameters that the worker's objective needs. Default: none. */
  readonly hparams?: Hparams
  /** The metric that its objective returns. Default: value. */
  readonly metric?: string
  /** A lease ends so long after the last beat of its driver, in ms, a while for the news of it included. Default: 20,000. */
  readonly leaseEndsMs?: number
}

type Done = PayloadOf<typeof done>
type Started = PayloadOf<typeof started>

/** A driver with an identity of its own: it beats, and answers pings, until it is ended. */
export interface Driver {
  readonly id: string
  /** It falls silent, as one that was killed. */
  end(): void
}

export class WorkerPeer {
  readonly line: Line
  readonly name: string
  readonly leaseEndsMs: number
  readonly #options: WorkerPeerOptions
  readonly #run = randomBytes(4).toString('hex')
  #count = 0

  constructor(options: WorkerPeerOptions) {
    this.line = options.line
    this.name = options.name
    this.leaseEndsMs = options.leaseEndsMs ?? 20_000
    this.#options = options
  }

  async answers(): Promise<boolean> {
    const { kind } = await this.line.probe(subjectFor(ping, { worker: this.name }))
    return kind === 'ok'
  }

  fresh(what: string): string {
    this.#count += 1
    return `conformance-${what}-${this.#run}-${this.#count}`
  }

  driver(): Driver {
    const { bus } = this.line
    const id = this.fresh('driver')
    const pings = answer(bus, driverPing, { driver: id }, () => ({}))
    const { code, bundle } = this.#options
    const { sha256 } = bundle
    const reads = answer(
      bus,
      readBundle,
      { worker: this.name, bundle: sha256 },
      ({ offset }) => ({ bytes: code.length, sha256, data: code.slice(offset, offset + partBytes) }),
      { queue: 'driver' },
    )
    const beats = () => void tell(bus, driverBeat, { driver: id }, { experiments: [] })
    const timer = setInterval(beats, 1000)
    beats()
    return {
      id,
      end() {
        clearInterval(timer)
        pings.unsubscribe()
        reads.unsubscribe()
      },
    }
  }

  /** Runs with a driver that holds slot 0, and gives the slot back. */
  async holding<T>(work: (driver: Driver) => Promise<T>): Promise<T> {
    const driver = this.driver()
    try {
      await this.lease(driver)
      return await work(driver)
    } finally {
      await this.tryRelease(driver)
      driver.end()
    }
  }

  /** The same, and hears what becomes of an attempt. `refuse`: so many times its result is not acknowledged. */
  running<T>(
    work: (at: { driver: Driver; attempt: AttemptRef; following: Following }) => Promise<T>,
    refuse = 0,
  ): Promise<T> {
    return this.holding(async (driver) => {
      const attempt = this.attempt()
      const following = this.follow(attempt, refuse)
      try {
        return await work({ driver, attempt, following })
      } finally {
        following.end()
      }
    })
  }

  call(call: Call, payload: unknown): Promise<Came> {
    return this.line.ask(subjectFor(call as { subject: string }, { worker: this.name } as never), payload)
  }

  async must(call: Call, payload: unknown): Promise<unknown> {
    const came = await this.call(call, payload)
    requires(came.kind === 'ok', () => `${call.name} was not answered as it should be: ${cameText(came)}`)
    return this.valid(call.reply, came.value, `the answer to ${call.name}`)
  }

  valid(schema: Parameters<typeof check>[0], value: unknown, what: string): unknown {
    try {
      return check(schema, value, what)
    } catch (error) {
      if (!isProblem(error, 'MESSAGE_INVALID')) throw error
      throw new Finding('failed', `${what} is not valid: ${error.message}`)
    }
  }

  async lease({ id }: Driver): Promise<void> {
    const came = await this.call(lease, { driver: id, slot: 0 })
    if (came.kind === 'error' && came.code === 'SLOT_TAKEN') {
      throw new Finding('skipped', `another driver holds the slot: end it, or use a bus of its own (${came.message})`)
    }
    requires(came.kind === 'ok', () => `the lease of slot 0 was not granted: ${cameText(came)}`)
  }

  tryRelease({ id }: Driver): Promise<Came> {
    return this.call(release, { driver: id, slot: 0 })
  }

  async status(): Promise<WorkerStatus> {
    return (await this.must(ping, {})) as WorkerStatus
  }

  /** The worker's answer when the roll is called. */
  async announced(): Promise<{ info: WorkerInfo; status: WorkerStatus }> {
    const { bus } = this.line
    const driver = this.fresh('driver')
    return this.within(
      'worker.announce after driver.rollcall',
      (found) => [hear(bus, announce, { worker: this.name }, found)],
      () => void tell(bus, rollCall, { driver }, {}),
    )
  }

  async beat(fits: (status: WorkerStatus) => boolean = () => true, timeoutMs?: number): Promise<WorkerStatus> {
    const { bus } = this.line
    return this.within(
      'worker.beat',
      (found) => [hear(bus, beat, { worker: this.name }, (status) => (fits(status) ? found(status) : undefined))],
      () => {},
      timeoutMs,
    )
  }

  attempt(): AttemptRef {
    return { experiment: this.fresh('trial'), trial: 0, attempt: 1 }
  }

  assignment(driver: Driver, attempt: AttemptRef, hparams: Hparams = {}): Assignment {
    const { bundle, metric = 'value', hparams: given = {} } = this.#options
    return {
      attempt,
      driver: driver.id,
      slot: 0,
      bundle,
      contextName: 'conformance',
      hparams: { ...given, ...hparams },
      seed: 1,
      objectives: [metric],
      trialTimeoutMs: null,
      graceMs: 5000,
    }
  }

  tryAssign(assignment: Assignment): Promise<Came> {
    return this.call(assign, assignment)
  }

  stop(attempt: AttemptRef): Promise<unknown> {
    return this.must(stopTrial, { attempt, reason: 'pruned' })
  }

  /** Hears what becomes of an attempt. `refuse`: so many times its result is not acknowledged. */
  follow({ experiment }: AttemptRef, refuse = 0): Following {
    const { bus } = this.line
    const here = { worker: this.name, experiment }
    const results: Done[] = []
    const wakes = new Set<() => void>()
    let begun: Started | undefined
    const changed = () => {
      for (const wake of wakes) wake()
    }
    const subscriptions = [
      hear(bus, started, here, (said) => {
        begun ??= said
        changed()
      }),
      answer(bus, done, here, (said) => {
        results.push(said)
        changed()
        if (results.length <= refuse)
          throw problem('EXPERIMENT_BUSY', { experiment, doing: 'playing a driver that is busy' })
        return {}
      }),
    ]
    const until = async <T>(what: string, look: () => T | undefined): Promise<T> => {
      const there = look()
      if (there !== undefined) return there
      return this.within(
        what,
        (found) => {
          const wake = () => {
            const now = look()
            if (now !== undefined) found(now)
          }
          wakes.add(wake)
          return [{ unsubscribe: () => void wakes.delete(wake) }]
        },
        () => {},
        this.line.patience.thinkingMs,
      )
    }
    return {
      results,
      begun: () => until(`trial.started of ${experiment}`, () => begun),
      ended: (times = 1) =>
        until(`trial.done of ${experiment}${times === 1 ? '' : `, ${times} times`}`, () => results[times - 1]),
      end() {
        for (const subscription of subscriptions) subscription.unsubscribe()
      },
    }
  }

  /** Waits for what is heard; ends the check when it does not come. */
  private async within<T>(
    what: string,
    listen: (found: (value: T) => void) => readonly Subscription[],
    begin: () => void,
    timeoutMs = this.line.patience.answerMs,
  ): Promise<T> {
    let subscriptions: readonly Subscription[] = []
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        subscriptions = listen((value) => {
          this.line.note(what, told(value))
          resolve(value)
        })
        timer = setTimeout(() => {
          this.line.note(what, `nothing within ${timeoutMs} ms`)
          reject(new Finding('failed', `${what} did not come within ${timeoutMs} ms`))
        }, timeoutMs)
        this.line.bus.flush().then(begin, reject)
      })
    } finally {
      clearTimeout(timer)
      for (const subscription of subscriptions) subscription.unsubscribe()
    }
  }
}

export interface Following {
  /** Every time that it was said. */
  readonly results: readonly Done[]
  begun(): Promise<Started>
  /** Until the result was said so many times. */
  ended(times?: number): Promise<Done>
  end(): void
}
