import { describe, expect, it } from 'vitest'
import { linear } from '../../src/board/drawing/scale.ts'
import { axisOf } from '../../src/board/model/axis.ts'
import { maskOf } from '../../src/board/model/mask.ts'
import { mostCurves, pickCurves } from '../../src/board/model/pick.ts'
import { sortedPlaces, windowOf } from '../../src/board/model/rows.ts'
import { plainView, queryOf, viewOf } from '../../src/board/model/view.ts'
import { columnsOf, trialOf, trialsOf } from './support.ts'

const objective = { metric: 'loss', direction: 'minimize' as const }

describe('trials on a page', () => {
  it('are overwritten whole by what is told of them later, and keep their places', () => {
    const trials = trialsOf(trialOf(0, { state: 'running', hparams: { lr: 1, units: 2 } }), trialOf(1))
    trials.merge(columnsOf([trialOf(0, { hparams: { lr: 1 }, metrics: { loss: 0.5 } }), trialOf(2)]))
    expect(trials.count).toBe(3)
    expect([0, 1, 2].map((trial) => trials.place(trial))).toEqual([0, 1, 2])
    expect([trials.state(0), trials.at('hparams.units', 0), trials.at('metrics.loss', 0)]).toEqual(['done', null, 0.5])
    expect(trials.at('metrics.loss', 2)).toBe(null)
  })

  it('may have names that every object inherits', () => {
    const hparams = JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, number>
    const trials = trialsOf(trialOf(0, { hparams }))
    expect([
      trials.at('hparams.__proto__', 0),
      trials.at('hparams.constructor', 0),
      trials.at('hparams.toString', 0),
    ]).toEqual([1, 2, null])
  })

  it('are ranked by the objective; what has failed or has no value is not', () => {
    const values = [3, 1, null, 2]
    const trials = trialsOf(
      ...values.map((loss, trial) => trialOf(trial, { metrics: { loss } })),
      trialOf(4, { state: 'failed', metrics: { loss: 0 } }),
    )
    expect(trials.ranked(objective)).toEqual([1, 3, 0])
    expect(trials.ranked({ ...objective, direction: 'maximize' })).toEqual([0, 3, 1])
    // One that breaks a limit has no value.
    expect(trials.ranked({ ...objective, limits: [{ metric: 'loss', atLeast: 2 }] })).toEqual([3, 0])
  })
})

describe('a view', () => {
  it('stands in the address and is read from it again', () => {
    const view = {
      states: ['done' as const, 'pruned' as const],
      top: 7,
      bounds: { 'hparams.a b&c': [0.1, 2] as const, 'metrics.loss': [-1, 1] as const },
      chosen: [3, 9],
      sort: { column: 'metrics.loss', down: false },
      hidden: ['worker', 'why'],
      metric: 'a,b',
      across: 'time' as const,
      log: ['metrics.loss'],
      group: 'lr',
      pair: ['x', 'y'] as const,
      without: ['layer:a', 'layer:b'],
    }
    expect(viewOf(queryOf(view))).toEqual(view)
    expect(queryOf(plainView)).toBe('')
    expect(viewOf('')).toEqual(plainView)
  })

  it('passes over what is no part of one', () => {
    expect(viewOf('states=odd,done&top=-3&in=[1]&in={&chosen=x,2&pair=7&across=sideways')).toEqual({
      ...plainView,
      states: ['done'],
      chosen: [2],
    })
  })

  const trials = trialsOf(
    ...[0.4, 0.1, 0.3, 0.2].map((loss, trial) =>
      trialOf(trial, { metrics: { loss }, hparams: { kind: trial % 2 === 0 ? 'a' : 'b', lr: trial + 1 } }),
    ),
    trialOf(4, { state: 'failed', hparams: { kind: 'a' } }),
  )
  const axis = (column: string) => axisOf(trials, column, {}, [])
  const shown = (view: Partial<typeof plainView>) =>
    [...maskOf(trials, { ...plainView, ...view }, objective, axis).shown].flatMap((one, place) =>
      one === 1 ? [place] : [],
    )

  it('lets through states, ranges of numbers and of choices, and the best of these', () => {
    expect(shown({})).toEqual([0, 1, 2, 3, 4])
    expect(shown({ states: ['failed'] })).toEqual([4])
    expect(shown({ bounds: { 'hparams.lr': [2, 3] } })).toEqual([1, 2])
    expect(shown({ bounds: { 'hparams.kind': [0, 0.4] } })).toEqual([0, 2, 4])
    expect(shown({ top: 2 })).toEqual([1, 3])
    expect(shown({ top: 1, bounds: { 'hparams.kind': [0, 0.4] } })).toEqual([2])
  })

  it('sorts numbers by value with what is missing last, either way', () => {
    const all = new Uint8Array(5).fill(1)
    expect(sortedPlaces(trials, all, { column: 'metrics.loss', down: false })).toEqual([1, 3, 2, 0, 4])
    expect(sortedPlaces(trials, all, { column: 'metrics.loss', down: true })).toEqual([0, 2, 3, 1, 4])
  })
})

describe('of many', () => {
  it('rows, those are in the document that are seen, and a few around them', () => {
    expect(windowOf(0, 560, 34, 50_000)).toEqual({ first: 0, end: 29 })
    expect(windowOf(34 * 25_000, 560, 34, 50_000)).toEqual({ first: 24_988, end: 25_029 })
    expect(windowOf(34 * 49_990, 560, 34, 50_000).end).toBe(50_000)
    expect(windowOf(0, 560, 34, 0)).toEqual({ first: 0, end: 0 })
  })

  it('curves, those are drawn that were chosen, run, are best, or came last', () => {
    const trials = trialsOf(
      ...Array.from({ length: 500 }, (_, trial) =>
        trialOf(trial, { state: trial === 7 ? 'running' : 'done', metrics: { loss: trial } }),
      ),
    )
    const picked = pickCurves(trials, trials.ranked(objective), new Uint8Array(500).fill(1), new Set([300]))
    expect(picked).toHaveLength(mostCurves)
    expect(picked).toEqual(expect.arrayContaining([300, 7, 0, 1, 24, 499, 498]))
  })
})

it('the axis of an hparam is what the space says, and turns logarithmic by a person’s choice', () => {
  const trials = trialsOf(trialOf(0, { hparams: { lr: 0.01, n: 3 } }))
  const space = { lr: { type: 'double' as const, low: 1e-4, high: 1, log: true } }
  expect(axisOf(trials, 'hparams.lr', space, []).part(0.01)).toBeCloseTo(0.5)
  expect(axisOf(trials, 'hparams.lr', space, ['hparams.lr']).part(0.5)).toBeCloseTo(0.5, 2)
  expect(axisOf(trials, 'hparams.n', space, []).part(3)).toBeCloseTo(linear(3, 3).part(3))
})
