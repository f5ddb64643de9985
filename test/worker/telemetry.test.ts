import { describe, expect, test } from 'vitest'
import { createSharedMemory, sharedFlags } from '../../actors/worker/shared-memory.ts'
import { createTelemetry } from '../../actors/worker/telemetry.ts'
import { createMemoryNetwork, tell, type Bus } from '../../src/bus/index.ts'
import {
  decodePayload,
  metrics,
  output,
  runnerBeat,
  runnerStop,
  subjectFor,
  type MetricPoint,
} from '../../protocol/index.ts'
import { systemClock } from '../../src/actor/index.ts'

const ref = { experiment: 'x', trial: 1, attempt: 1 }
const attempt = { ref, serial: 1, trialTimeoutMs: null }
const point = (step: number): MetricPoint => ({ step, at: 0, values: { loss: step } })

async function setUp(onRefused: Parameters<typeof createTelemetry>[0]['onRefused'] = () => undefined) {
  const network = createMemoryNetwork()
  const bus = network.connect()
  await bus.streams.ensure()
  const flags = sharedFlags(createSharedMemory())
  const telemetry = createTelemetry({
    bus,
    clock: systemClock,
    worker: 'w1',
    runner: 0,
    pid: 1,
    author: 'a1',
    flags,
    onNotice: () => {},
    onRefused,
    onGoing: () => undefined,
  })
  return { network, bus, flags, telemetry }
}

async function recorded(bus: Bus): Promise<{ first: number; points: number }[]> {
  const batches: { first: number; points: number }[] = []
  for await (const { data, subject } of bus.streams.read('telemetry', 'maggy.v1.worker.w1.metrics.>')) {
    const batch = decodePayload(metrics, data, subject)
    batches.push({ first: batch.first, points: batch.points.length })
  }
  return batches
}

describe("a runner's second thread", () => {
  test('whose connection is closed under a record ends without a fault that nobody hears', async () => {
    const unheard: unknown[] = []
    const note = (reason: unknown): void => void unheard.push(reason)
    process.on('unhandledRejection', note)
    try {
      const { bus, telemetry } = await setUp()
      telemetry.begin(attempt)
      await bus.close()
      telemetry.point(point(0))
      await telemetry.flushed()
      await telemetry.close()
      // Node tells of what was not handled once all promises have had their turn.
      await new Promise((resolve) => setImmediate(resolve))
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  test('records every point once, in order, and says when all are recorded (I1, I2)', async () => {
    const { bus, telemetry } = await setUp()
    telemetry.begin(attempt)
    for (let step = 0; step < 3_000; step += 1) telemetry.point(point(step))
    await telemetry.flushed()
    let next = 0
    for (const { first, points } of await recorded(bus)) {
      expect(first).toBe(next)
      next += points
    }
    expect(next).toBe(3_000)
    await telemetry.close()
  })

  test('loses nothing in an outage (I1)', async () => {
    const { bus, network, telemetry } = await setUp()
    telemetry.begin(attempt)
    network.outage(bus)
    telemetry.point(point(0))
    telemetry.point(point(1))
    await network.settled()
    network.restore(bus)
    await telemetry.flushed()
    const count = (await recorded(bus)).reduce((sum, { points }) => sum + points, 0)
    expect(count).toBe(2)
    await telemetry.close()
  })

  test('refuses a point that is no valid message with the reason, and all of its attempt behind it', async () => {
    const refusals: unknown[][] = []
    const { bus, flags, telemetry } = await setUp((...refusal) => void refusals.push(refusal))
    const report = (one: MetricPoint): void => {
      telemetry.point(one)
      flags.addPoint(1)
    }
    telemetry.begin(attempt)
    report(point(0))
    await telemetry.flushed()
    report({ step: 1, at: 0, values: { '': 1 } })
    report(point(2))
    await telemetry.flushed()
    report(point(3))
    await telemetry.flushed()
    expect(refusals).toMatchObject([[ref, 1, { code: 'MESSAGE_INVALID' }]])
    expect(await recorded(bus)).toEqual([{ first: 0, points: 1 }])
    telemetry.begin({ ...attempt, ref: { ...ref, trial: 2 }, serial: 2 })
    telemetry.point(point(0))
    await telemetry.flushed()
    expect(await recorded(bus)).toHaveLength(2)
    await telemetry.close()
  })

  test('sets the stop flag of the attempt that is meant, also when the stop came before it began', async () => {
    const { bus, network, flags, telemetry } = await setUp()
    const stop = (trial: number, runner = '0') => {
      tell(bus, runnerStop, { worker: 'w1', runner }, { attempt: { ...ref, trial }, reason: 'pruned' })
      return network.settled()
    }
    telemetry.begin(attempt)
    await stop(1, '1')
    expect(flags.stopCause(1)).toBeUndefined()
    await stop(2)
    expect(flags.stopCause(1)).toBeUndefined()
    await stop(1)
    expect(flags.stopCause(1)).toBe('pruned')
    telemetry.end()
    await stop(2)
    telemetry.begin({ ...attempt, ref: { ...ref, trial: 2 }, serial: 2 })
    expect(flags.stopCause(2)).toBe('pruned')
    expect(flags.stopCause(1)).toBeUndefined()
    await telemetry.close()
  })

  test('takes a malformed stop without harm', async () => {
    const { bus, network, flags, telemetry } = await setUp()
    telemetry.begin(attempt)
    bus.publish(subjectFor(runnerStop, { worker: 'w1', runner: '0' }), new Uint8Array([0xc1]))
    await network.settled()
    expect(flags.stopCause(1)).toBeUndefined()
    tell(bus, runnerBeat, { worker: 'w1', runner: '0' }, { pid: 1, attempt: null })
    await telemetry.close()
  })

  test('keeps at most 10,000 lines of a trial, and says so', async () => {
    const { bus, telemetry } = await setUp()
    telemetry.begin(attempt)
    for (let line = 0; line < 10_050; line += 1) telemetry.line(attempt.ref, 'stdout', `line ${line}`)
    await telemetry.flushed()
    const texts: string[] = []
    for await (const { data, subject } of bus.streams.read('telemetry', 'maggy.v1.worker.w1.output.>')) {
      texts.push(...decodePayload(output, data, subject).lines.map(({ text }) => text))
    }
    expect(texts).toHaveLength(10_001)
    expect(texts.at(-1)).toContain('left out')
    await telemetry.close()
  })
})

describe('the shared flags', () => {
  test('block a report while too many points wait, until some are recorded or the attempt is stopped', () => {
    const flags = sharedFlags(createSharedMemory(), 2)
    flags.addPoint(1)
    flags.addPoint(1)
    flags.stop(1, 'pruned')
    flags.addPoint(1)
    flags.pointsRecorded(3)
    flags.addPoint(2)
    expect(flags.stopCause(1)).toBe('pruned')
    flags.stop(1, 'cancelled')
    expect(flags.stopCause(1)).toBe('pruned')
  })
})
