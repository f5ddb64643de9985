import { expect, test } from 'vitest'
import { toCsv, trialRows } from '../../src/store/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { accepted, assigned, ended, suggested } from './events.ts'

test('a CSV tells null, "null", an empty text, what is not there, 1 and "1" apart', () => {
  const values = [null, 'null', '', 1, '1', true, 'true', 'relu', ' a', '-']
  const events = [
    accepted({ trials: values.length + 1 }),
    ...values.flatMap((value, trial) => [
      suggested(trial, { x: value }),
      assigned(trial),
      ended(trial, { kind: 'done', metrics: { accuracy: 1 } }),
    ]),
    suggested(values.length, {}),
  ]
  const [head, ...rows] = toCsv(trialRows(resultOf('e', events)))
    .trimEnd()
    .split('\r\n')
  const column = head?.split(',').indexOf('hparams.x') ?? -1
  expect(rows.map((row) => row.split(',')[column])).toEqual([
    'null',
    '"""null"""',
    '""""""',
    '1',
    '"""1"""',
    'true',
    '"""true"""',
    'relu',
    '""" a"""',
    '"""-"""',
    '',
  ])
})
