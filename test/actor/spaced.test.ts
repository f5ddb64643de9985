import { beforeEach, expect, it } from 'vitest'
import { spaced, type Spaced } from '../../src/actor/index.ts'
import { TestClock } from '../support/clock.ts'

let clock: TestClock
let doneAt: number[]
let work: Spaced
beforeEach(() => {
  clock = new TestClock()
  doneAt = []
  work = spaced(clock, () => doneAt.push(clock.elapsed()))
})

it('however often it is wanted in one turn, it is done once, when the turn is over', async () => {
  work.want(100)
  work.want(100)
  expect(doneAt).toEqual([])
  await Promise.resolve()
  expect(doneAt).toEqual([0])
})

it('what is wanted soon after it was done is done once, when the gap is over', async () => {
  work.want(100)
  await Promise.resolve()
  for (let ms = 0; ms < 250; ms += 10) {
    clock.increment(10)
    work.want(100)
  }
  expect(doneAt).toEqual([0, 100, 200])
  clock.increment(50)
  expect(doneAt).toEqual([0, 100, 200, 300])
  clock.increment(1000)
  expect(doneAt).toHaveLength(4)
})

it('once it has ended nothing is done, not even what was wanted before', async () => {
  work.want(100)
  await Promise.resolve()
  work.want(100)
  work.end()
  clock.increment(1000)
  work.want(100)
  await Promise.resolve()
  expect(doneAt).toEqual([0])
})
