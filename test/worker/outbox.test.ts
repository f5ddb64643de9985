/** Results on their way: how often they are said to a driver that does not take them. */
import { describe, expect, test } from 'vitest'
import { createOutbox } from '../../actors/worker/outbox.ts'
import { done, doneSeveral, problem, RemoteError, type ErrorCode, type PayloadOf } from '../../protocol/index.ts'
import { answer, createMemoryNetwork } from '../../src/bus/index.ts'
import { TestClock } from '../support/clock.ts'

const result = (trial: number): PayloadOf<typeof done> => ({
  trial,
  attempt: 1,
  slot: 0,
  outcome: { kind: 'done', metrics: { loss: 1 } },
  startedAt: 0,
  endedAt: 1,
  points: 0,
})

function toDriver(reply: () => Record<string, never>) {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const bus = network.connect('w1')
  const said: PayloadOf<typeof done>[] = []
  const refused: number[] = []
  answer(network.connect('d1'), done, { worker: '*', experiment: '*' }, (payload) => {
    said.push(payload)
    return reply()
  })
  const outbox = createOutbox({
    bus,
    clock,
    worker: 'w1',
    onRefused: ({ trial }) => void refused.push(trial),
  })
  /** Lets time go by; the driver is heard each second, as drivers are. */
  const pass = async (seconds: number): Promise<void> => {
    for (let step = 0; step < seconds * 20; step += 1) {
      await network.settled()
      clock.increment(50)
      if (step % 20 === 0) outbox.wake()
    }
    await network.settled()
  }
  return { outbox, said, refused, pass }
}

const refusing = (code: ErrorCode) => () => {
  throw new RemoteError({ code, message: 'no' })
}

describe('a result', () => {
  test.each(['INTERNAL', 'STORE_BUSY', 'BUS_FULL'] as const)(
    'that is refused with %s is said again with growing pauses, two times a second at most, and told to nobody as lost',
    async (code) => {
      const { outbox, said, refused, pass } = toDriver(refusing(code))
      outbox.put('e', result(0))
      await pass(10)
      const first = said.length
      await pass(50)
      // 0.05 + 0.1 + 0.2 + 0.4 + 0.8 s, and then each second: by its own timer, and when a driver is heard.
      expect(first).toBeLessThanOrEqual(5 + 2 * 10)
      expect(said.length - first).toBeLessThanOrEqual(2 * 50)
      expect(said.length).toBeGreaterThan(50)
      expect(refused).toEqual([])
      expect(outbox.holds({ experiment: 'e', trial: 0, attempt: 1 })).toBe(true)
    },
  )

  test('of a thousand that are refused does not make the others be said: one at a time asks', async () => {
    const { outbox, said, pass } = toDriver(refusing('INTERNAL'))
    for (let trial = 0; trial < 1000; trial += 1) outbox.put('e', result(trial))
    await pass(60)
    // The first 64 went at once.
    expect(said.length).toBeLessThanOrEqual(64 + 5 + 2 * 60)
  })

  test.each([
    ['EXPERIMENT_UNKNOWN', 1],
    ['ATTEMPT_FOREIGN', 1],
    ['MESSAGE_INVALID', 2],
    ['MESSAGE_TOO_LARGE', 2],
  ] as const)('that is refused for good with %s is said %i time(s), and then no more', async (code, times) => {
    const { outbox, said, refused, pass } = toDriver(refusing(code))
    outbox.put('e', result(0))
    await pass(60)
    expect(said).toHaveLength(times)
    expect(refused).toHaveLength(times)
    // The second time it is told as a failure, which can be said.
    if (times === 2) expect(said[1]?.outcome).toMatchObject({ kind: 'failed', problem: { code: 'RESULT_INVALID' } })
    expect(outbox.unacknowledged()).toEqual([])
  })

  test('that is taken after many refusals is delivered once', async () => {
    let refuses = true
    const { outbox, said, pass } = toDriver(() => {
      if (refuses) throw problem('INTERNAL', { reason: 'no' })
      return {}
    })
    outbox.put('e', result(0))
    await pass(5)
    refuses = false
    await pass(2)
    const taken = said.length
    await pass(30)
    expect(said).toHaveLength(taken)
    expect(outbox.unacknowledged()).toEqual([])
  })
})

describe('several results', () => {
  function toDriverOfSeveral(refusal: (trial: number) => ErrorCode | null) {
    const clock = new TestClock()
    const network = createMemoryNetwork({ clock })
    const batches: number[][] = []
    const alone: number[] = []
    const refused: number[] = []
    const driver = network.connect('d1')
    answer(driver, done, { worker: '*', experiment: '*' }, ({ trial }) => {
      alone.push(trial)
      return {}
    })
    answer(driver, doneSeveral, { worker: '*', experiment: '*' }, ({ results }) => {
      batches.push(results.map(({ trial }) => trial))
      return {
        refusals: results.map(({ trial }) => {
          const code = refusal(trial)
          return code === null ? null : { code, message: 'no' }
        }),
      }
    })
    const outbox = createOutbox({
      bus: network.connect('w1'),
      clock,
      worker: 'w1',
      onRefused: ({ trial }) => void refused.push(trial),
    })
    const pass = async (ms: number): Promise<void> => {
      await network.settled()
      clock.increment(ms)
      await network.settled()
    }
    return { outbox, batches, alone, refused, pass }
  }

  test('of one turn go in one message, and each that is kept is forgotten', async () => {
    const { outbox, batches, pass } = toDriverOfSeveral(() => null)
    for (let trial = 0; trial < 5; trial += 1) outbox.put('e', result(trial))
    await pass(0)
    expect(batches).toEqual([[0, 1, 2, 3, 4]])
    expect(outbox.unacknowledged()).toEqual([])
  })

  test('that can wait do so for a moment, and one that cannot takes them along', async () => {
    const { outbox, batches, alone, pass } = toDriverOfSeveral(() => null)
    outbox.put('e', result(0), true)
    outbox.put('e', result(1), true)
    await pass(0)
    expect(batches).toEqual([])
    expect(outbox.holds({ experiment: 'e', trial: 1, attempt: 1 })).toBe(true)
    outbox.put('e', result(2))
    await pass(0)
    expect(batches).toEqual([[0, 1, 2]])
    outbox.put('e', result(3), true)
    await pass(20)
    expect(alone).toEqual([3])
  })

  test('are told apart: one that is refused for good keeps none of the others, and one that is not kept is said again', async () => {
    let isBusy = true
    const { outbox, batches, alone, refused, pass } = toDriverOfSeveral((trial) =>
      trial === 1 ? 'ATTEMPT_FOREIGN' : trial === 2 && isBusy ? 'INTERNAL' : null,
    )
    for (let trial = 0; trial < 4; trial += 1) outbox.put('e', result(trial))
    await pass(0)
    expect(batches).toEqual([[0, 1, 2, 3]])
    expect(refused).toEqual([1])
    expect(outbox.unacknowledged()).toEqual([{ experiment: 'e', trial: 2, attempt: 1 }])
    isBusy = false
    await pass(50)
    expect(alone).toEqual([2])
    expect(outbox.unacknowledged()).toEqual([])
  })
})
