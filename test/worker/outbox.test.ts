/** Results on their way: how often they are said to a driver that does not take them. */
import { describe, expect, test } from 'vitest'
import { createOutbox } from '../../actors/worker/outbox.ts'
import { done, problem, RemoteError, type ErrorCode, type PayloadOf } from '../../protocol/index.ts'
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
