/** What a runner's main thread says to its second one, and when. */
import { expect, test } from 'vitest'
import { createCommLine } from '../../actors/worker/comm-line.ts'
import type { ToComm } from '../../actors/worker/comm-messages.ts'
import { TestClock } from '../support/clock.ts'

const attempt = (serial: number) => ({
  ref: { experiment: 'e', trial: serial, attempt: 1 },
  serial,
  trialTimeoutMs: null,
})
const begin = (serial: number): ToComm => ({ type: 'begin', attempt: attempt(serial) })
const point: ToComm = { type: 'point', point: { step: 0, at: 0, values: { loss: 1 } } }

function setUp() {
  const clock = new TestClock()
  const said: string[] = []
  const toComm = createCommLine<never>(
    (message) => said.push(message.type === 'begin' ? `begin ${message.attempt.serial}` : message.type),
    (work, ms) => {
      const timer = clock.setTimeout(work, ms)
      return () => {
        clock.clearTimeout(timer)
      }
    },
  )
  return { clock, said, toComm }
}

test('of trials that end at once without a word nothing is said', () => {
  const { clock, said, toComm } = setUp()
  for (let serial = 1; serial <= 3; serial += 1) {
    toComm(begin(serial))
    toComm({ type: 'end' })
  }
  clock.increment(1000)
  expect(said).toEqual([])
})

test('one that goes on is known a moment later, and so is its end', () => {
  const { clock, said, toComm } = setUp()
  toComm(begin(1))
  clock.increment(10)
  expect(said).toEqual(['begin 1'])
  toComm({ type: 'end' })
  clock.increment(10)
  expect(said).toEqual(['begin 1'])
  clock.increment(10)
  expect(said).toEqual(['begin 1', 'end'])
})

test('what is said of an attempt comes after its beginning (I1), and the next beginning stands for its end', () => {
  const { clock, said, toComm } = setUp()
  toComm(begin(1))
  toComm(point)
  toComm({ type: 'flush' })
  toComm({ type: 'end' })
  toComm(begin(2))
  toComm(point)
  clock.increment(1000)
  expect(said).toEqual(['begin 1', 'point', 'flush', 'begin 2', 'point'])
})

test('what is said of an attempt that has ended does not wait for its end', () => {
  const { clock, said, toComm } = setUp()
  toComm(begin(1))
  toComm(point)
  toComm({ type: 'end' })
  toComm({ type: 'close' })
  expect(said).toEqual(['begin 1', 'point', 'close'])
  clock.increment(1000)
  expect(said).toEqual(['begin 1', 'point', 'close', 'end'])
})
