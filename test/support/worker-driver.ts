/** A driver made by hand, with just enough in it to drive a real worker. */
import { setTimeout as sleep } from 'node:timers/promises'
import { serveStore } from '../../actors/driver/experiment/store.ts'
import { bundleModule, type BundledModule } from '../../src/bundle/index.ts'
import { answer, ask, hear, tell, type Bus } from '../../src/bus/index.ts'
import {
  announce,
  assign,
  beat,
  decodePayload,
  done,
  driverBeat,
  lease,
  leave,
  metrics,
  output,
  partBytes,
  ping,
  readBundle,
  release,
  rollCall,
  started,
  stopTrial,
  subjectFor,
  type Assignment,
  type AttemptRef,
  type Hparams,
  type MetricPoint,
  type PayloadOf,
  type ReplyOf,
  type StopReason,
} from '../../protocol/index.ts'

export type Done = PayloadOf<typeof done>

export interface HandMadeDriver {
  readonly bus: Bus
  readonly id: string
  readonly beats: PayloadOf<typeof beat>[]
  readonly announcements: PayloadOf<typeof announce>[]
  readonly starts: PayloadOf<typeof started>[]
  readonly leaves: string[]
  readonly results: Map<number, Done>
  /** Whether results are acknowledged. */
  accepts: boolean
  beat(): void
  rollCall(): void
  lease(worker: string, slot?: number): Promise<ReplyOf<typeof lease>>
  release(worker: string, slot?: number): Promise<unknown>
  assign(worker: string, trial: number, hparams: Hparams, change?: Partial<Assignment>): Promise<'running' | 'next'>
  stop(worker: string, trial: number, reason?: StopReason): Promise<boolean>
  ping(worker: string): Promise<ReplyOf<typeof ping>>
  result(trial: number): Promise<Done>
  points(trial: number): Promise<MetricPoint[]>
  lines(trial: number): Promise<{ from: string; text: string }[]>
}

export const experiment = 'by-hand'
const timeoutMs = 5_000

/** Resolves once the condition holds; rejects after `withinMs`. */
export async function until<T>(what: string, find: () => T | undefined | false, withinMs = 60_000): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const found = find()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await sleep(5)
  }
}

export async function createHandMadeDriver(
  bus: Bus,
  modulePath: string,
  id = 'driver-by-hand',
): Promise<HandMadeDriver> {
  await bus.streams.ensure()
  const module: BundledModule = await bundleModule(modulePath)
  const bundle = { sha256: module.sha256, bytes: module.code.length, module: module.module }
  const refOf = (trial: number): AttemptRef => ({ experiment, trial, attempt: 1 })

  const read = async <T>(subject: string, decode: (data: Uint8Array, subject: string) => T): Promise<T[]> => {
    const found: T[] = []
    for await (const entry of bus.streams.read('telemetry', subject)) found.push(decode(entry.data, entry.subject))
    return found
  }

  const driver: HandMadeDriver = {
    bus,
    id,
    beats: [],
    announcements: [],
    starts: [],
    leaves: [],
    results: new Map(),
    accepts: true,
    beat: () => void tell(bus, driverBeat, { driver: id }, { experiments: [experiment] }),
    rollCall: () => void tell(bus, rollCall, { driver: id }, {}),
    lease: (worker, slot = 0) => ask(bus, lease, { worker }, { driver: id, slot }, { timeoutMs }),
    release: (worker, slot = 0) => ask(bus, release, { worker }, { driver: id, slot }, { timeoutMs }),
    assign: async (worker, trial, hparams, change = {}) => {
      const assignment: Assignment = {
        attempt: refOf(trial),
        driver: id,
        slot: 0,
        bundle,
        contextName: 'tune',
        hparams,
        seed: trial,
        objectives: ['value'],
        trialTimeoutMs: null,
        graceMs: 5_000,
        ...change,
      }
      return (await ask(bus, assign, { worker }, assignment, { timeoutMs })).position
    },
    stop: async (worker, trial, reason = 'pruned') =>
      (await ask(bus, stopTrial, { worker }, { attempt: refOf(trial), reason }, { timeoutMs })).known,
    ping: (worker) => ask(bus, ping, { worker }, {}, { timeoutMs }),
    result: (trial) => until(`the result of trial ${trial}`, () => driver.results.get(trial)),
    points: async (trial) => {
      const subject = subjectFor(metrics, { worker: '*', experiment, trial: String(trial) })
      const batches = await read(subject, (data, from) => decodePayload(metrics, data, from))
      const points: MetricPoint[] = []
      for (const { first, points: more } of batches)
        for (const [index, point] of more.entries()) points[first + index] ??= point
      return points
    },
    lines: async (trial) => {
      const subject = subjectFor(output, { worker: '*', experiment, trial: String(trial) })
      const batches = await read(subject, (data, from) => decodePayload(output, data, from))
      return batches.flatMap(({ lines }) => lines.map(({ from, text }) => ({ from, text })))
    },
  }

  hear(bus, announce, { worker: '*' }, (said) => driver.announcements.push(said))
  hear(bus, beat, { worker: '*' }, (said) => driver.beats.push(said))
  hear(bus, leave, { worker: '*' }, (_, { worker }) => driver.leaves.push(worker))
  hear(bus, started, { worker: '*', experiment }, (said) => driver.starts.push(said))
  answer(bus, done, { worker: '*', experiment }, (said) => {
    if (!driver.accepts) throw new Error('not now')
    driver.results.set(said.trial, said)
    return {}
  })
  answer(bus, readBundle, { worker: '*', bundle: module.sha256 }, ({ offset }) => ({
    bytes: module.code.length,
    sha256: module.sha256,
    data: module.code.subarray(offset, offset + partBytes),
  }))
  const hashes = new Set<string>()
  serveStore({
    bus,
    experiment,
    isAssigned: () => true,
    continues: () => true,
    saved: async ({ sha256 }) => void hashes.add(sha256),
    hasSaved: (_trial, _ring, sha256) => hashes.has(sha256),
    onDropped: () => undefined,
  })
  await bus.flush()
  return driver
}
