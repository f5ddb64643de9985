/** Errors point to the cell and the line: compiled lines are found again in what the user wrote. */
import { expect, it } from 'vitest'
import { locate } from '../../src/notebook/cells.ts'

const cells = [
  { number: 1, code: "import * as tf from '@tensorflow/tfjs'" },
  {
    number: 2,
    code: [
      'interface Hparams { readonly lr: number }',
      '',
      '// the training function',
      'const train = async ({ hparams }: { hparams: Hparams }): Promise<number> => {',
      '',
      '  const rate: number = hparams.lr',
      '  // here',
      '',
      '  return helper(rate as number).missing.value',
      '}',
    ].join('\n'),
  },
  { number: 3, code: 'const other = (x: number) => x + 1' },
]

it('lines of a compiled function are those of the cell that it was written in', () => {
  const compiled = [
    '(async ({ hparams }) => {',
    '    const rate = hparams.lr;',
    '    // here',
    '    return exports.helper(rate).missing.value;',
    '})',
  ].join('\n')
  const found = locate(compiled, cells)
  expect(found?.cell.number).toBe(2)
  expect([found?.lines[0], found?.lines[1], found?.lines[3]]).toEqual([3, 5, 8])
})

it('of cells that were edited and run again the last counts', () => {
  const edited = [...cells, { number: 7, code: '\n\nconst other = (x: number) => x + 1' }]
  expect(locate('((x) => x + 1)', edited)?.cell.number).toBe(7)
})

it('what no cell is like is found nowhere', () => {
  expect(locate('(function sort(list) {\n  return list.toSorted()\n})', cells)).toBeUndefined()
})
