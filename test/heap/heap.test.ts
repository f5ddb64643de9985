import { expect, test } from 'vitest'
import { createHeap } from '../../src/heap/index.ts'

const large = 4 * 2 ** 20
let at = 0
const later = () => (at += 1_000)

test('a heap has grown by what is held, and is small again once nobody holds it and it was collected', () => {
  const heap = createHeap(later)
  heap.collect()
  expect(heap.hasGrown(large)).toBe(false)
  // Numbers of this size lie in the array itself: 8 MiB.
  const held = { numbers: Array.from({ length: 2 ** 20 }, (_, index) => index + 0.5) as unknown }
  // What is young does not count: it goes by itself, or grows old.
  createHeap(later).collect()
  expect(heap.hasGrown(large)).toBe(true)
  held.numbers = undefined
  heap.collect()
  expect(heap.hasGrown(large)).toBe(false)
})

test('what is held when a heap is collected is no growth from then on', () => {
  const heap = createHeap(later)
  heap.collect()
  const held = Array.from({ length: 2 ** 20 }, (_, index) => index + 0.5)
  heap.collect()
  expect(heap.hasGrown(large)).toBe(false)
  expect(held.length).toBe(2 ** 20)
})

test('a heap is not looked at again within a moment', () => {
  let now = 0
  const heap = createHeap(() => now)
  heap.collect()
  const held = Array.from({ length: 2 ** 20 }, (_, index) => index + 0.5)
  createHeap(later).collect()
  expect(heap.hasGrown(large)).toBe(true)
  now = 10
  expect(heap.hasGrown(large)).toBe(false)
  now = 1_000
  expect(heap.hasGrown(large)).toBe(true)
  expect(held.length).toBe(2 ** 20)
})
