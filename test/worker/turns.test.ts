import { expect, test } from 'vitest'
import { createTurns } from '../../actors/worker/turns.ts'

function ask(turns: ReturnType<typeof createTurns>, count: number) {
  const begun: number[] = []
  const passes = Array.from({ length: count }, (_, index) => turns.ask(() => begun.push(index)))
  return { begun, pass: (index: number) => passes[index]?.() }
}

test('so many are at it at once, and each that is done lets the next begin, in order', () => {
  const { begun, pass } = ask(createTurns(2), 5)
  expect(begun).toEqual([0, 1])
  pass(1)
  expect(begun).toEqual([0, 1, 2])
  // A second time it means nothing.
  pass(1)
  expect(begun).toEqual([0, 1, 2])
  pass(0)
  pass(2)
  expect(begun).toEqual([0, 1, 2, 3, 4])
})

test('one that gives up while it waits never begins, and holds nobody up', () => {
  const { begun, pass } = ask(createTurns(1), 3)
  pass(1)
  expect(begun).toEqual([0])
  pass(0)
  expect(begun).toEqual([0, 2])
})

test('one that is done the moment that it begins lets the others begin', () => {
  const turns = createTurns(1)
  const begun: number[] = []
  const first = turns.ask(() => begun.push(0))
  turns.ask(() => {
    begun.push(1)
    first()
  })
  turns.ask(() => begun.push(2))
  first()
  expect(begun).toEqual([0, 1])
})
