import { expect, it } from 'vitest'
import { Stays } from '../../actors/board/stays.ts'

const minute = 60_000

it('a worker is here since it says that it started, until it is gone; one that comes back is here from then on', () => {
  const stays = new Stays(30 * minute)
  stays.heard('w1', 2, 10 * minute)
  stays.heard('w1', 2, 10 * minute + 50, 3 * minute)
  stays.heard('w1', 2, 11 * minute)
  expect(stays.recent(11 * minute)).toEqual([{ worker: 'w1', slots: 2, from: 3 * minute, to: null, went: null }])
  stays.gone('w1', 'lost', 12 * minute)
  stays.gone('w1', 'left', 13 * minute)
  stays.gone('w2', 'left', 13 * minute)
  stays.heard('w1', 4, 14 * minute, 3 * minute)
  expect(stays.recent(14 * minute)).toEqual([
    { worker: 'w1', slots: 2, from: 3 * minute, to: 12 * minute, went: 'lost' },
    { worker: 'w1', slots: 4, from: 14 * minute, to: null, went: null },
  ])
  expect(stays.recent(43 * minute).map(({ slots }) => slots)).toEqual([4])
})
