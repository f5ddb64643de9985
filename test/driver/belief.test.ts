/** What one worker says of another's trial: forged with its own name, or with that of nobody (issue 14, belief). */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  checkpointBucket,
  checkpointName,
  codeOf,
  done,
  encodePayload,
  metrics,
  output,
  readCheckpoint,
  started,
  subjectFor,
  writeCheckpoint,
  type AttemptOutcome,
} from '../../protocol/index.ts'
import { ask, tell, type Bus } from '../../src/bus/index.ts'
import {
  LogHolders,
  linesOf,
  outputSubject,
  readAllPoints,
  readOutput,
  readPoints,
  readResult,
} from '../../src/store/index.ts'
import { recordPoints } from '../support/fake-worker.ts'
import { ready, type Bench } from './support.ts'

const best: AttemptOutcome = { kind: 'done', metrics: { value: 1e9 } }

/** A stolen worker's credential: it speaks as `w2`. */
function forger(bench: Bench, worker = 'w2') {
  const bus = bench.network.connect('forger')
  return {
    bus,
    async result(trial: number, attempt: number, outcome = best): Promise<string> {
      const said = { trial, attempt, slot: 0, outcome, startedAt: 1, endedAt: 2, points: 0 }
      const asked = ask(bus, done, { worker, experiment: 'e1' }, said, { timeoutMs: 1000 }).then(
        () => 'accepted',
        (error: unknown) => codeOf(error) ?? String(error),
      )
      await bench.settle()
      return await asked
    },
  }
}

const point = (step: number, value: number) => ({ step, at: 1, values: { value } })

async function record(bus: Bus, worker: string, trial: number, attempt: number, text: string): Promise<void> {
  const subject = subjectFor(output, { worker, experiment: 'e1', trial: String(trial) })
  const line = { at: 1, from: 'stdout' as const, text }
  await bus.streams.record(subject, encodePayload(output, { attempt, lines: [line] }, subject), { id: text })
}

async function texts(lines: AsyncIterable<{ readonly text: string }>): Promise<string[]> {
  const found: string[] = []
  for await (const { text } of lines) found.push(text)
  return found
}

describe("a worker that speaks of another worker's trial", () => {
  it('has its result refused, whatever attempt it names, and the true one counts', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    expect(w1.running).toEqual([0])
    const forged = forger(bench)
    for (const attempt of [1, 2, 7]) expect(await forged.result(0, attempt)).toBe('ATTEMPT_FOREIGN')
    expect(await forged.result(1, 1)).toBe('ATTEMPT_FOREIGN')
    for (const kind of ['failed', 'crashed'] as const) {
      expect(await forged.result(0, 1, { kind, problem: { code: 'TRAIN_FAILED', message: 'forged' } })).toBe(
        'ATTEMPT_FOREIGN',
      )
    }
    expect(await forged.result(0, 1, { kind: 'returned', reason: 'forged' })).toBe('ATTEMPT_FOREIGN')
    await w1.finish(0, { kind: 'done', metrics: { value: 2 } })
    await bench.settle()
    const result = await readResult(bench.client, 'e1')
    expect(result).toMatchObject({ state: 'done', best: { metrics: { value: 2 }, worker: 'w1' } })
  })

  it('cannot bring a result of an attempt that another one had before it, nor of the one that replaced its own', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    w1.vanish()
    await bench.pass(12_000)
    const w3 = await bench.worker('w3')
    await bench.pass(2000, w3)
    expect(w3.running).toEqual([0])
    expect(await forger(bench, 'w3').result(0, 1)).toBe('ATTEMPT_FOREIGN')
    expect(await forger(bench, 'w1').result(0, 2)).toBe('ATTEMPT_FOREIGN')
    // What was given up and comes late counts, if it comes from whom it was given to.
    expect(await forger(bench, 'w1').result(0, 1, { kind: 'done', metrics: { value: 3 } })).toBe('accepted')
  })

  it('is not heard when it says that the trial has begun, or reports metrics of it', async () => {
    const { bench, w1 } = await ready({ trials: 1, pruner: { name: 'threshold', options: { upper: 10 } } })
    const { bus } = forger(bench)
    tell(bus, started, { worker: 'w2', experiment: 'e1' }, { trial: 0, attempt: 1, slot: 0, at: 7 })
    const forged = { attempt: 1, first: 0, points: [point(0, 1e9)] }
    tell(bus, metrics, { worker: 'w2', experiment: 'e1', trial: '0' }, forged)
    // The same number, written as no worker writes it.
    tell(bus, metrics, { worker: 'w1', experiment: 'e1', trial: '0x0' }, forged)
    await bench.settle()
    expect(bench.dropped).toEqual(['ATTEMPT_FOREIGN', 'ATTEMPT_FOREIGN', 'ATTEMPT_FOREIGN'])
    expect(w1.stops).toEqual([])
    w1.report(0, [point(0, 1)])
    await bench.settle()
    expect(await bench.types('e1')).not.toContain('trial.stopping')
  })

  it('is not read back by a driver that takes the experiment over', async () => {
    const { bench, w1 } = await ready({ trials: 1, pruner: { name: 'threshold', options: { upper: 10 } } })
    await recordPoints(forger(bench).bus, 'w2', { experiment: 'e1', trial: 0, attempt: 1 }, [point(0, 1e9)])
    bench.kill()
    await bench.driver('d2')
    await bench.pass(5000, w1)
    expect(await bench.types('e1')).toContain('experiment.adopted')
    expect(await bench.types('e1')).not.toContain('trial.stopping')
  })

  it('is not in what trials printed or reported, live or kept', async () => {
    const { bench } = await ready({ trials: 1 })
    const { bus } = forger(bench)
    await record(bus, 'w1', 0, 1, 'true')
    await record(bus, 'w2', 0, 1, 'forged')
    await record(bus, 'w2', 0, 2, 'forged too')
    await recordPoints(bus, 'w1', { experiment: 'e1', trial: 0, attempt: 1 }, [point(0, 1)])
    await recordPoints(bus, 'w2', { experiment: 'e1', trial: 0, attempt: 1 }, [point(0, 1e9)])
    expect(await texts(readOutput(bench.client, 'e1', 0))).toEqual(['true'])
    expect((await readPoints(bench.client, 'e1', 0)).map(({ values }) => values)).toEqual([{ value: 1 }])
    expect((await readAllPoints(bench.client, 'e1')).get(0)).toHaveLength(1)
    const holders = new LogHolders(bench.client, 'e1')
    const heard: string[] = []
    for await (const entry of bench.client.streams.read('telemetry', outputSubject('e1', undefined))) {
      heard.push(...(await linesOf(entry, holders)).map(({ text }) => text))
    }
    expect(heard).toEqual(['true'])
  })
})

describe('a checkpoint', () => {
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

  async function saved(bench: Bench, bus: Bus, worker: string, data: Uint8Array, attempt = 1): Promise<unknown> {
    const part = { trial: 0, attempt, ring: false, upload: `u${data[0]}`, offset: 0, bytes: data.length, data }
    const asked = ask(bus, writeCheckpoint, { worker, experiment: 'e1' }, part, { timeoutMs: 1000 }).then(
      () => 'saved',
      (error: unknown) => codeOf(error),
    )
    await bench.settle()
    return await asked
  }

  async function read(bench: Bench, bus: Bus, worker: string, change: { attempt?: number; of?: number } = {}) {
    const question = { trial: 0, attempt: 1, ring: false, offset: 0, ...change }
    const asked = ask(bus, readCheckpoint, { worker, experiment: 'e1' }, question, { timeoutMs: 1000 }).then(
      ({ part }) => (part === null ? 'none' : [...part.data]),
      (error: unknown) => codeOf(error),
    )
    await bench.settle()
    return await asked
  }

  it('is taken from the worker that has the attempt, and its hash is in the log before anybody is given it', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    const data = new Uint8Array([7, 8, 9])
    expect(await saved(bench, forger(bench).bus, 'w2', data)).toBe('CHECKPOINT_REFUSED')
    expect(await saved(bench, w1.bus, 'w1', data, 2)).toBe('CHECKPOINT_REFUSED')
    expect(await saved(bench, w1.bus, 'w1', data)).toBe('saved')
    const [event] = (await bench.events('e1')).filter(({ type }) => type === 'trial.saved')
    expect(event).toMatchObject({ trial: 0, attempt: 1, worker: 'w1', ring: false, sha256: hash(data), bytes: 3 })
    expect(await read(bench, w1.bus, 'w1')).toEqual([7, 8, 9])
    expect(await read(bench, forger(bench).bus, 'w2')).toBe('CHECKPOINT_REFUSED')
    expect(await read(bench, w1.bus, 'w1', { of: 5 })).toBe('CHECKPOINT_REFUSED')
  })

  it('that was replaced in the store behind the log is given to nobody, by this driver or the next', async () => {
    const { bench, w1 } = await ready({ trials: 1 })
    expect(await saved(bench, w1.bus, 'w1', new Uint8Array([7]))).toBe('saved')
    await bench.client.blobs.put(checkpointBucket, checkpointName('e1', 0), new Uint8Array([66]))
    expect(await read(bench, w1.bus, 'w1')).toBe('none')
    expect(await saved(bench, w1.bus, 'w1', new Uint8Array([9]))).toBe('saved')
    bench.kill()
    await bench.driver('d2')
    await bench.pass(6000, w1)
    expect(await read(bench, w1.bus, 'w1')).toEqual([9])
  })
})
