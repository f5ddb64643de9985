import { TestClock } from '../support/clock.ts'
import { describe, expect, it } from 'vitest'
import type { Hparams, LogEvent, Submission } from '../../protocol/index.ts'
import { createMemoryNetwork, tell } from '../../src/bus/index.ts'
import { driverBeat, progress } from '../../protocol/index.ts'
import {
  changeRunning,
  enqueueTrials,
  followExperiment,
  resumeAndFollow,
  runExperiment,
  submissionOf,
  type Waiting,
} from '../../src/client/index.ts'
import { optimization } from '../../src/experiment/index.ts'
import { space } from '../../src/space/index.ts'
import { accepted, assigned, ended, suggested } from '../store/events.ts'
import { handDriver } from './hand-driver.ts'

const over = (state: 'done' | 'stopped' | 'failed'): LogEvent => ({
  type: 'experiment.ended',
  at: 9,
  state,
  best: null,
})
const search = (count: number): LogEvent[] =>
  Array.from({ length: count }, (_, trial) => [
    suggested(trial),
    assigned(trial),
    ended(trial, { kind: 'done', metrics: { accuracy: trial / 10 } }),
  ]).flat()
const submissionFor = (experiment: string): Submission => {
  const event = accepted({ experiment })
  if (event.type !== 'experiment.accepted') throw new Error('never')
  return event.submission
}
const submission = submissionFor('e')
const code = new Uint8Array([1, 2, 3])

async function network() {
  const made = createMemoryNetwork()
  const bus = made.connect('client')
  await bus.streams.ensure()
  return { made, bus, driverBus: made.connect('driver') }
}

describe('a submission', () => {
  const bundle = { sha256: 'a'.repeat(64), module: 'm.ts', bytes: 3 }
  const notesOf = (defaults: Hparams, ...names: readonly string[]) => {
    const given = Object.fromEntries(names.map((name) => [name, space.double(0, 1)]))
    const tune = optimization({ space: given, trials: 3, direction: 'minimize', hparams: { epoch: 2 } })
    const { context } = submissionOf({ name: 'e', defaults }, 'tune', tune, bundle, 'e-1')
    return context.kind === 'optimization' ? context.notes : []
  }

  it('says which names of the space the hparams of the definition lack, and which may have been meant', () => {
    const lack = "the space has names that the definition's hparams lack"
    expect(notesOf({ lr: 0.1, units: 8 }, 'lrr', 'units')).toEqual([
      `${lack}: lrr (did you mean lr?); these have lr, units`,
    ])
    // A name that is searched, or given, was not meant.
    expect(notesOf({ lr: 0.1, epoch: 1 }, 'lr', 'lr2', 'epochs')).toEqual([
      `${lack}: lr2, epochs; these have lr, epoch`,
    ])
    expect(notesOf({ lr: 0.1 }, 'lr')).toBeUndefined()
    expect(notesOf({}, 'lr')).toBeUndefined()
    const long = Array.from({ length: 40 }, (_, index) => `x${index}${'y'.repeat(100)}`)
    expect(notesOf({ lr: 0.1 }, ...long)?.[0]).toHaveLength(1024)
  })
})

describe('an experiment that was stopped', () => {
  it('takes nothing that is enqueued, nor another optimizer: the remedy is to resume it', async () => {
    const { bus, driverBus } = await network()
    await handDriver(driverBus).append('e', accepted({ experiment: 'e' }), ...search(1), over('stopped'))
    const refusal = {
      code: 'EXPERIMENT_OVER',
      remedy: expect.stringMatching(/^`maggy resume e` goes on with it/) as string,
    }
    await expect(enqueueTrials(bus, 'e', [{ lr: 0.1 }])).rejects.toMatchObject(refusal)
    const another = { optimizer: { name: 'tpe', options: {} } }
    await expect(changeRunning(bus, 'e', another)).rejects.toMatchObject(refusal)
  })
})

describe('a client', () => {
  it('stores the code, submits, and follows the log to the end', async () => {
    const { bus, driverBus } = await network()
    const driver = handDriver(driverBus, {
      onAccepted: (own) => own.append('e', ...search(3), over('done')),
    })
    const seen: string[] = []
    const result = await runExperiment(bus, submission, code, { onEvent: (event) => seen.push(event.type) })
    expect(result).toMatchObject({ state: 'done', counts: { done: 3 }, best: { trial: 2 } })
    expect(seen.at(0)).toBe('experiment.accepted')
    expect(await bus.blobs.get('maggy-bundles', submission.bundle?.sha256 ?? '')).toEqual(code)
    expect(driver.submissions).toHaveLength(1)
  })

  it('waits for a driver, says so after 10 s, and goes on when one comes', async () => {
    const { bus, driverBus } = await network()
    const clock = clockOf(new TestClock())
    const waits: (Waiting | null)[] = []
    const running = runExperiment(bus, submission, code, { onWaiting: (said) => waits.push(said) }, { clock })
    await clock.passUntil(() => waits.length > 0)
    expect(waits[0]).toMatchObject({ code: 'BUS_NO_RESPONDERS', sinceMs: 10_000 })
    handDriver(driverBus, { onAccepted: (own) => own.append('e', over('done')) })
    await clock.passUntil(() => waits.at(-1) === null)
    expect((await running).state).toBe('done')
  })

  it('says when no driver beats for the experiment any more', async () => {
    const { bus, driverBus, made } = await network()
    const clock = clockOf(new TestClock())
    const driver = handDriver(driverBus)
    const waits: (Waiting | null)[] = []
    const running = runExperiment(bus, submission, code, { onWaiting: (said) => waits.push(said) }, { clock })
    await clock.passUntil(() => waits.length > 0)
    expect(waits[0]?.message).toContain('maggy driver')
    tell(driverBus, driverBeat, { driver: 'd1' }, { experiments: ['e'] })
    await made.settled()
    expect(waits.at(-1)).toBeNull()
    await driver.append('e', over('done'))
    await running
  })

  it('passes on what the driver says it waits for', async () => {
    const { bus, driverBus, made } = await network()
    const driver = handDriver(driverBus)
    const waits: (Waiting | null)[] = []
    const running = runExperiment(bus, submission, code, { onWaiting: (said) => waits.push(said) })
    const waiting = { code: 'BUS_NO_RESPONDERS', message: 'no worker for 10 s', sinceMs: 10_000 }
    while (waits.length === 0) {
      tell(driverBus, progress, { experiment: 'e' }, { ...progress.example.payload, waiting })
      await made.settled()
    }
    expect(waits).toContainEqual(waiting)
    await driver.append('e', over('done'))
    await running
  })

  it('cancels the experiment when its signal aborts, and has the result so far', async () => {
    const { bus, driverBus } = await network()
    const controller = new AbortController()
    const driver = handDriver(driverBus, {
      onAccepted: async (own) => {
        await own.append('e', ...search(2), suggested(2), assigned(2))
        controller.abort(new Error('enough'))
      },
      onStop: (own) => own.append('e', over('stopped')),
    })
    const result = await runExperiment(bus, submission, code, {}, { signal: controller.signal })
    expect(driver.stops).toEqual(['e'])
    expect(result).toMatchObject({ state: 'stopped', counts: { done: 2, cancelled: 1 } })
  })

  it('has the result so far too when nobody is there to cancel', async () => {
    const { bus, driverBus } = await network()
    const controller = new AbortController()
    handDriver(driverBus, {
      onAccepted: async (own) => {
        await own.append('e', ...search(1))
        await driverBus.close()
        controller.abort(new Error('enough'))
      },
    })
    const result = await runExperiment(bus, submission, code, {}, { signal: controller.signal })
    expect(result).toMatchObject({ state: 'running', counts: { done: 1 } })
  })

  it('does not take the end of an earlier run for the end of the one that it resumed', async () => {
    const { bus, driverBus } = await network()
    const driver = handDriver(driverBus, {
      onResume: (own) => own.append('e', suggested(5), assigned(5), over('done')),
    })
    await driver.append('e', accepted({ experiment: 'e' }), ...search(1), over('stopped'))
    const result = await resumeAndFollow(bus, 'e', {})
    expect(result).toMatchObject({ state: 'done', trials: [{ trial: 0 }, { trial: 5 }] })
  })

  it('knows no experiment that has no log', async () => {
    const { bus } = await network()
    await expect(followExperiment(bus, 'nobody')).rejects.toMatchObject({ code: 'EXPERIMENT_UNKNOWN' })
    await expect(resumeAndFollow(bus, 'no body', {})).rejects.toMatchObject({ code: 'EXPERIMENT_UNKNOWN' })
  })
})

/** Time that passes only when the test says so. */
function clockOf(simulated: TestClock) {
  let turn: Promise<void>
  return {
    now: () => simulated.now(),
    elapsed: () => simulated.elapsed(),
    setTimeout: (fn: () => void, ms: number): unknown => simulated.setTimeout(fn, ms),
    clearTimeout: (id: unknown) => {
      simulated.clearTimeout(id)
    },
    async passUntil(reached: () => boolean): Promise<void> {
      for (let step = 0; !reached() && step < 1000; step += 1) {
        turn = new Promise((resolve) => {
          setImmediate(resolve)
        })
        await turn
        simulated.increment(250)
      }
    },
  }
}
