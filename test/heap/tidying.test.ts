import { SimulatedClock } from 'xstate'
import { expect, test } from 'vitest'
import { createTidying } from '../../src/heap/index.ts'

const megabyte = 2 ** 20

/** A heap that grows by what a test says. */
function setUp() {
  const clock = new SimulatedClock()
  let grown = 0
  let collections = 0
  const heap = {
    hasGrown: (bytes: number) => grown > bytes,
    collect: () => {
      grown = 0
      collections += 1
    },
  }
  const tidying = createTidying(8 * megabyte, heap, clock)
  const work = (bytes: number) => {
    tidying.busy()
    grown += bytes
  }
  return { clock, tidying, work, collections: () => collections }
}

test('a heap that has grown by much is collected as soon as work ends', () => {
  const { tidying, work, collections } = setUp()
  work(9 * megabyte)
  expect(collections()).toBe(0)
  tidying.idle()
  expect(collections()).toBe(1)
})

test('one that has grown by little is collected once nothing is to be done for a second, and not while work follows work', () => {
  const { clock, tidying, work, collections } = setUp()
  for (let trial = 0; trial < 3; trial += 1) {
    work(2 * megabyte)
    tidying.idle()
    clock.increment(900)
  }
  expect(collections()).toBe(0)
  work(0)
  clock.increment(5_000)
  expect(collections()).toBe(0)
  tidying.idle()
  clock.increment(1_000)
  expect(collections()).toBe(1)
})

test('one that has hardly grown is left alone, unless something else waits for its collection', () => {
  const { clock, tidying, work, collections } = setUp()
  work(1_000)
  tidying.idle()
  clock.increment(5_000)
  expect(collections()).toBe(0)
  tidying.idle(true)
  expect(collections()).toBe(1)
})
