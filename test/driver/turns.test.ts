import { expect, it } from 'vitest'
import { Turns } from '../../actors/driver/turns.ts'
import { codeOf } from '../../protocol/index.ts'
import { TestClock } from '../support/clock.ts'

/** Work that ends when it is told to, in the order in which it began. */
function bench(atOnce: number) {
  const clock = new TestClock()
  const turns = new Turns(clock, atOnce)
  const began: string[] = []
  const ends: (() => void)[] = []
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const take = (name: string, hasBegun: boolean) =>
    turns.take(hasBegun, () => {
      began.push(name)
      return new Promise<string>((resolve) => ends.push(() => resolve(name)))
    })
  const end = async () => {
    ends.shift()?.()
    await settle()
  }
  return { clock, began, take, end, settle }
}

it('so many are at work at once, and whoever has begun before comes first (I1)', async () => {
  const { began, take, end, settle } = bench(2)
  const all = [take('a', false), take('b', false), take('c', false), take('d', true)]
  await settle()
  expect(began).toEqual(['a', 'b'])
  await end()
  expect(began).toEqual(['a', 'b', 'd'])
  for (let turn = 0; turn < 3; turn += 1) await end()
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd'])
})

it('whoever has waited for too long is told to come again, and the turn goes to the next (I2)', async () => {
  const { clock, began, take, end } = bench(1)
  const first = take('a', false)
  const late = take('b', false).catch(codeOf)
  clock.increment(2500)
  const fresh = take('c', false)
  await end()
  expect(await late).toBe('STORE_BUSY')
  expect(began).toEqual(['a', 'c'])
  await end()
  expect(await Promise.all([first, fresh])).toEqual(['a', 'c'])
})

it('work that fails passes its turn on', async () => {
  const turns = new Turns(new TestClock(), 1)
  const fails = turns.take(false, () => Promise.reject(new Error('no')))
  const next = turns.take(false, () => Promise.resolve('yes'))
  await expect(fails).rejects.toThrow('no')
  expect(await next).toBe('yes')
})
