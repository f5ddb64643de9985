import { expect, test } from 'vitest'
import { createShifts } from '../../actors/worker/shifts.ts'
import { TestClock } from '../support/clock.ts'

const microtask = () => new Promise<void>((resolve) => queueMicrotask(resolve))

function setUp(atOnce: number) {
  const clock = new TestClock()
  const shifts = createShifts(clock, atOnce)
  const runners = Array.from({ length: 8 }, (_, name) => ({ name }))
  const begun: number[] = []
  const at = (name: number) => runners[name] as object
  return {
    clock,
    begun,
    ask: (...names: number[]) => {
      for (const name of names) shifts.ask(at(name), () => begun.push(name))
    },
    pass: (name: number) => {
      shifts.pass(at(name))
    },
    /** Its trial ends, and it has another one. */
    goOn: (name: number) => {
      shifts.pass(at(name))
      shifts.ask(at(name), () => begun.push(name))
    },
  }
}

test('so many work at once, and the next begins when one has no trial any more', async () => {
  const { begun, ask, pass } = setUp(2)
  ask(0, 1, 2, 3)
  expect(begun).toEqual([0, 1])
  pass(1)
  // It might have another one.
  expect(begun).toEqual([0, 1])
  await microtask()
  expect(begun).toEqual([0, 1, 2])
  pass(0)
  pass(2)
  await microtask()
  expect(begun).toEqual([0, 1, 2, 3])
})

test('one with more trials goes on with its shift, sixteen in a row, and then the others come first', async () => {
  const { begun, ask, goOn } = setUp(1)
  ask(0, 1)
  for (let trial = 1; trial < 16; trial++) {
    goOn(0)
    await microtask()
  }
  expect(begun).toEqual(Array.from({ length: 16 }, () => 0))
  goOn(0)
  await microtask()
  expect(begun.slice(16)).toEqual([1])
  goOn(1)
  await microtask()
  expect(begun.slice(16)).toEqual([1, 1])
})

test('as long as nobody waits, one goes on for ever', async () => {
  const { begun, ask, goOn } = setUp(1)
  ask(0)
  for (let trial = 1; trial < 100; trial++) {
    goOn(0)
    await microtask()
  }
  expect(begun).toHaveLength(100)
})

test('trials that take long keep nobody waiting', () => {
  const { clock, begun, ask } = setUp(2)
  ask(0, 1, 2, 3, 4)
  clock.increment(2)
  expect(begun).toEqual([0, 1])
  clock.increment(1)
  expect(begun).toEqual([0, 1, 2, 3])
  clock.increment(3)
  expect(begun).toEqual([0, 1, 2, 3, 4])
})

test('one that has worked on without a shift asks for another one when its long trial is over', async () => {
  const { clock, begun, ask, goOn } = setUp(1)
  ask(0, 1, 2)
  clock.increment(3)
  goOn(0)
  await microtask()
  expect(begun).toEqual([0, 1])
  clock.increment(3)
  clock.increment(3)
  expect(begun).toEqual([0, 1, 2, 0])
})

test('one whose trial is taken back while it waits does not begin, and holds nobody up', async () => {
  const { begun, ask, pass } = setUp(1)
  ask(0, 1, 2)
  pass(1)
  pass(0)
  await microtask()
  expect(begun).toEqual([0, 2])
})
