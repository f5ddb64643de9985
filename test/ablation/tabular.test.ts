import { expect, it } from 'vitest'
import { withoutColumns } from '../../src/ablation/index.ts'

const table = { columns: ['a', 'b', 'c'], rows: Array.from({ length: 50 }, (_, row) => [row, row * 2, 7]) }

it('drops columns', () => {
  const { columns, rows } = withoutColumns(table, ['b'])
  expect(columns).toEqual(['a', 'c'])
  expect(rows[3]).toEqual([3, 7])
})

it('masks columns by their mean, and the shape stays', () => {
  const { columns, rows } = withoutColumns(table, ['a', 'b'], { how: 'mask' })
  expect(columns).toEqual(table.columns)
  expect(rows[0]).toEqual([24.5, 49, 7])
  expect(rows[49]).toEqual([24.5, 49, 7])
})

it('permutes columns: the same values, for the same seed at the same places, and not as they were', () => {
  const permuted = withoutColumns(table, ['a'], { how: 'permute', seed: 3 })
  expect(permuted.rows.map(([a]) => a)).not.toEqual(table.rows.map(([a]) => a))
  expect(permuted.rows.map(([a]) => a).sort((x = 0, y = 0) => x - y)).toEqual(table.rows.map(([a]) => a))
  expect(permuted.rows.map(([, b]) => b)).toEqual(table.rows.map(([, b]) => b))
  expect(withoutColumns(table, ['a'], { how: 'permute', seed: 3 })).toEqual(permuted)
  expect(withoutColumns(table, ['a'], { how: 'permute', seed: 4 })).not.toEqual(permuted)
})

it('leaves a table as it is when nothing is left out, and the given one untouched always', () => {
  expect(withoutColumns(table, [])).toBe(table)
  withoutColumns(table, ['a'], { how: 'mask' })
  expect(table.rows[0]).toEqual([0, 0, 7])
})

it('says which columns there are', () => {
  expect(() => withoutColumns(table, ['d'])).toThrow('names the column d, which the table has not; it has a, b, c')
})
