import { pino } from 'pino'
import { TestClock } from '../support/clock.ts'
import { startDriver } from '../../actors/driver/driver.ts'
import { driverDefaults, type DriverOptions } from '../../actors/driver/options.ts'
import { readArchive } from '../../actors/driver/ownership/archive.ts'
import {
  resumeExperiment,
  stopExperiment,
  submit,
  type LogEvent,
  type OptimizationContext,
  type Submission,
} from '../../protocol/index.ts'
import type { RunningActor } from '../../src/actor/index.ts'
import {
  ask,
  createMemoryNetwork,
  type Bus,
  type Leg,
  type MemoryNetwork,
  type OnDropped,
  type Transit,
} from '../../src/bus/index.ts'
import { startOptimizer, type OptimizerPlugin } from '../../src/optimizer/index.ts'
import { builtinSamplers } from '../../src/samplers/index.ts'
import { FakeWorker, type FakeWorkerOptions } from '../support/fake-worker.ts'

export const silent = pino({ level: process.env.MAGGY_TEST_LOG ?? 'silent' })

export const context: OptimizationContext = {
  kind: 'optimization',
  optimizer: { name: 'random', options: {} },
  pruner: null,
  space: { x: { type: 'double', low: 0, high: 1 } },
  trials: 4,
  objectives: [{ metric: 'value', direction: 'maximize' }],
  hparams: { epochs: 3 },
  seed: 7,
  policy: { trialTimeoutMs: null, graceMs: 1000, maxAttempts: 3, maxFailed: null, parallel: null, labels: {} },
}

export function submission(experiment: string, change: Partial<OptimizationContext> = {}): Submission {
  return {
    experiment,
    name: 'test',
    contextName: 'tune',
    context: { ...context, ...change },
    bundle: { sha256: 'a'.repeat(64), bytes: 1, module: 'test.ts' },
  }
}

/** A whole system on the memory bus, with time in the test's hand. */
export class Bench {
  readonly clock = new TestClock()
  readonly faults: string[] = []
  /** Codes of what drivers heard and dropped. */
  readonly dropped: string[] = []
  /** What drivers warn of. */
  readonly warnings: string[] = []
  /** What becomes of each message on its way. */
  transit: (leg: Leg) => Transit = () => 'arrives'
  readonly network: MemoryNetwork
  readonly client: Bus
  readonly #drivers = new Map<string, { bus: Bus; actor: RunningActor }>()

  /** `maxPayload`: bytes; default: as the network has it. */
  constructor(maxPayload?: number) {
    this.network = createMemoryNetwork({
      ...(maxPayload === undefined ? {} : { maxPayload }),
      clock: this.clock,
      transit: (leg) => this.transit(leg),
      onFault: (fault) => {
        this.faults.push(String(fault instanceof Error ? fault.stack : JSON.stringify(fault)))
      },
    })
    this.client = this.network.connect('client')
  }

  async driver(id = 'd1', options: Partial<DriverOptions> = {}, bus = this.network.connect(id)): Promise<void> {
    const heard = { write: (line: string) => void this.warnings.push((JSON.parse(line) as { msg: string }).msg) }
    const logger = process.env.MAGGY_TEST_LOG === undefined ? pino({ level: 'warn' }, heard) : silent
    const onDropped: OnDropped = (_, { code }) => void this.dropped.push(code)
    const env = { bus, clock: this.clock, logger, id, onDropped, access: {} }
    this.#drivers.set(id, { bus, actor: await startDriver(env, { ...driverDefaults, ...options }) })
    await this.settle()
  }

  /** As kill -9: its connection is cut, and it hears and says nothing any more. */
  kill(id = 'd1'): void {
    const driver = this.#drivers.get(id)
    if (driver !== undefined) this.network.outage(driver.bus)
  }

  bus(id = 'd1'): Bus {
    const driver = this.#drivers.get(id)
    if (driver === undefined) throw new Error(`no driver ${id}`)
    return driver.bus
  }

  async drain(id = 'd1'): Promise<void> {
    await this.#drivers.get(id)?.actor.drain('test')
    await this.settle()
  }

  async optimizer(
    id = 'o1',
    plugins: readonly OptimizerPlugin[] = [...builtinSamplers.values()],
  ): Promise<() => Promise<void>> {
    const bus = this.network.connect(id)
    const service = startOptimizer(bus, plugins, { id, onDropped: () => {} })
    await this.settle()
    return async () => {
      const drained = service.drain()
      await this.settle()
      await drained
      await bus.close()
    }
  }

  async worker(id: string, options: FakeWorkerOptions = {}): Promise<FakeWorker> {
    const worker = new FakeWorker(this.network.connect(id), id, options).start()
    await this.settle()
    return worker
  }

  async submit(experiment: string, change: Partial<OptimizationContext> = {}): Promise<void> {
    const asked = ask(this.client, submit, {}, submission(experiment, change), { timeoutMs: 60_000 })
    await this.settle()
    await asked
    await this.settle()
  }

  async stop(experiment: string, mode: 'finish' | 'cancel'): Promise<string> {
    const asked = ask(this.client, stopExperiment, { experiment }, { mode }, { timeoutMs: 60_000 })
    await this.settle()
    return (await asked).state
  }

  async resume(experiment: string): Promise<string> {
    const asked = ask(this.client, resumeExperiment, {}, { experiment }, { timeoutMs: 60_000 })
    asked.catch(() => undefined) // it may be refused before anybody awaits it
    await this.settle()
    return (await asked).state
  }

  async events(experiment: string): Promise<readonly LogEvent[]> {
    return (await readArchive(this.client, experiment))?.entries.flatMap(({ events }) => events) ?? []
  }

  async types(experiment: string): Promise<string[]> {
    return (await this.events(experiment)).map(({ type }) => type)
  }

  /** Lets all that is under way come to rest. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 30; turn += 1) await this.network.settled()
  }

  /** Lets time pass in small steps; workers beat once a second. */
  async pass(ms: number, ...beating: FakeWorker[]): Promise<void> {
    for (let gone = 0; gone < ms; gone += 250) {
      this.clock.increment(250)
      if (gone % 1000 === 750) for (const worker of beating) worker.beat()
      await this.settle()
    }
  }
}

/** A driver with an optimizer, one worker, and an experiment that has begun. */
export async function ready(change: Parameters<Bench['submit']>[1] = {}, maxPayload?: number) {
  const bench = new Bench(maxPayload)
  await bench.driver()
  await bench.optimizer()
  const w1 = await bench.worker('w1')
  await bench.submit('e1', change)
  return { bench, w1 }
}
