import { expect, test } from 'vitest'
import { createRingCheckpoints } from '../../actors/worker/ring/index.ts'
import { codeOf, problem, readCheckpoint, type ErrorCode } from '../../protocol/index.ts'
import { answer, createMemoryNetwork } from '../../src/bus/index.ts'
import { TestClock } from '../support/clock.ts'

const attempt = { experiment: 'e', trial: 0, attempt: 3 }

/** A member that loads the checkpoint of its ring; a driver that refuses with these first, and then says that there is none. */
function loading(refusals: readonly ErrorCode[]) {
  const clock = new TestClock()
  const network = createMemoryNetwork({ clock })
  const left = [...refusals]
  answer(network.connect('driver'), readCheckpoint, { experiment: 'e', worker: 'w1' }, () => {
    const code = left.shift()
    if (code === 'CHECKPOINT_REFUSED') throw problem(code, { worker: 'w1', trial: 0, attempt: 3 })
    if (code !== undefined) throw problem('MESSAGE_INVALID', { subject: 's', path: '/', reason: 'is wrong' })
    return { part: null }
  })
  const notices: string[] = []
  const onNotice = (text: string) => void notices.push(text)
  const checkpoints = createRingCheckpoints({ bus: network.connect('w1'), clock, worker: 'w1', attempt, onNotice })
  const state = { wanted: true }
  const loaded = checkpoints.load('r', () => state.wanted)
  const pass = async (ms: number) => {
    for (let gone = 0; gone < ms; gone += 500) {
      await network.settled()
      clock.increment(500)
    }
    await network.settled()
  }
  return { loaded, notices, left, state, pass }
}

test('a driver that does not know yet that it has lost the experiment is asked again, and said once', async () => {
  const { loaded, notices, left, pass } = loading(['CHECKPOINT_REFUSED', 'CHECKPOINT_REFUSED'])
  await pass(2000)
  expect(await loaded).toBeUndefined()
  expect(left).toEqual([])
  expect(notices).toEqual([expect.stringContaining('is not with worker w1')])
})

test('no more is asked once the ring has gone on without the member', async () => {
  const { loaded, left, state, pass } = loading(Array.from({ length: 20 }, () => 'CHECKPOINT_REFUSED' as const))
  await pass(1000)
  state.wanted = false
  await pass(1000)
  expect(await loaded).toBeUndefined()
  expect(left.length).toBeGreaterThan(10)
})

test('whatever else is wrong is told', async () => {
  const { loaded, pass } = loading(['MESSAGE_INVALID'])
  const told = loaded.catch(codeOf)
  await pass(500)
  expect(await told).toBe('MESSAGE_INVALID')
})
