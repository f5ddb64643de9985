import { describe, expect, it } from 'vitest'
import { ablationChart } from '../../src/board/charts/ablation.ts'
import { barsChart } from '../../src/board/charts/bars.ts'
import { bestChart, runningBest } from '../../src/board/charts/best.ts'
import { busyChart, countOver } from '../../src/board/charts/busy.ts'
import { groupsChart } from '../../src/board/charts/groups.ts'
import { bandOf, curvesChart } from '../../src/board/charts/curves.ts'
import { boundsOf, goodnessOf, ParallelChart } from '../../src/board/charts/parallel.ts'
import { frontOf } from '../../src/board/charts/pareto.ts'
import { ringChart } from '../../src/board/charts/ring.ts'
import { timelineChart } from '../../src/board/charts/timeline.ts'
import { csvOf, type Chart } from '../../src/board/drawing/chart.ts'
import { choices, elapsed, linear, logarithmic } from '../../src/board/drawing/scale.ts'
import { cut, svgOf } from '../../src/board/drawing/svg-pen.ts'
import { lanesOf, savingsOf } from '../../src/board/model/attempts.ts'
import type { AttemptRecord } from '../../src/history/index.ts'
import { groupings, groupsOf, resultsOf } from '../../src/board/model/groups.ts'
import { marksOf } from '../../src/board/model/generations.ts'
import { Series } from '../../src/board/series.ts'
import { trialOf, trialsOf } from './support.ts'

const size = { width: 600, height: 300 }
const evil = '</text><script>alert(1)</script>'
const drawn = (chart: Chart) => svgOf(size, 'light', 'a chart', (pen) => chart.draw(pen, size))
const none: ReadonlySet<number> = new Set()
const attempt = (
  trial: number,
  slot: number,
  from: number,
  to: number | null,
  given: Partial<AttemptRecord> = {},
): AttemptRecord => ({
  trial,
  attempt: 1,
  worker: 'w1',
  slot,
  assignedAt: from,
  startedAt: from,
  endedAt: to,
  ending: to === null ? null : 'done',
  reason: null,
  checkpoint: false,
  ...given,
})

describe('scales', () => {
  it('give each value its place and the place its value', () => {
    for (const scale of [linear(-2, 6), logarithmic(1e-4, 10)]) {
      for (const part of [0, 0.25, 1]) expect(scale.part(scale.value(part))).toBeCloseTo(part)
    }
    const kinds = choices(['a', 'b', true, null])
    expect(['a', true, null, 'true'].map((value) => kinds.part(value))).toEqual([0.125, 0.625, 0.875, NaN])
    expect(logarithmic(0, 10).kind).toBe('linear')
  })

  it('write round numbers beside themselves, as many as there is room for', () => {
    expect(
      linear(0, 1)
        .ticks(5)
        .map(({ label }) => label),
    ).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1'])
    expect(
      logarithmic(1e-4, 1e-1)
        .ticks(4)
        .map(({ label }) => label),
    ).toEqual(expect.arrayContaining(['1e-4', '0.001', '0.01', '0.1']))
    expect(
      elapsed(90_000)
        .ticks(4)
        .map(({ label }) => label),
    ).toEqual(['0 s', '30 s', '60 s', '90 s'])
    const labels = elapsed(6_200)
      .ticks(14)
      .map(({ label }) => label)
    expect(new Set(labels).size).toBe(labels.length)
    for (const scale of [linear(0, 1e-300), linear(-1e300, 1e300), logarithmic(1e-300, 1e300)]) {
      expect(scale.ticks(6).length).toBeLessThan(100)
    }
  })
})

describe('what is saved', () => {
  it('holds no element of a user’s making', () => {
    const trials = trialsOf(trialOf(0, { hparams: { [evil]: evil }, metrics: { [evil]: 1 } }))
    const objective = { metric: evil, direction: 'minimize' as const }
    const options = {
      objective,
      shown: new Uint8Array([1]),
      chosen: none,
      log: false,
      across: 'step' as const,
      startedAt: 0,
    }
    const axes = [{ column: `hparams.${evil}`, title: evil, scale: choices([evil]) }]
    const parallel = new ParallelChart(trials, {
      axes,
      shown: options.shown,
      bounds: {},
      chosen: none,
      goodness: new Float64Array(1),
    })
    for (const chart of [bestChart(trials, options), parallel, barsChart({ [evil]: 1 })]) {
      expect(drawn(chart)).not.toContain('<script')
      expect(drawn(chart)).toContain('&lt;')
    }
  })

  it('as CSV holds no formula, and quotes what needs it', () => {
    expect(
      csvOf({
        columns: ['a', 'b,c'],
        rows: [
          ['=1+1', -3],
          ['x"y', null],
        ],
      }),
    ).toBe('a,"b,c"\r\n\'=1+1,-3\r\n"x""y",\r\n')
  })

  it('cuts what is too long for its place', () => {
    expect([cut('short', 60), cut('a very long name', 60)]).toEqual(['short', 'a very lo…'])
  })
})

describe('the timeline', () => {
  // Two slots: trial 1 is stopped early, and trial 2 begins at once; nobody waits for trial 0.
  const attempts = [
    attempt(0, 0, 0, 100),
    attempt(1, 1, 0, 20, { ending: 'stopped' }),
    attempt(2, 1, 20, 80),
    attempt(3, 1, 80, 110, { ending: 'lost', reason: 'gone' }),
  ]

  it('has a lane for each slot, and finds what lies under the pointer', () => {
    expect(lanesOf(attempts).map(({ name, attempts: own }) => [name, own.map(({ trial }) => trial)])).toEqual([
      ['w1/0', [0]],
      ['w1/1', [1, 2, 3]],
    ])
    const chart = timelineChart(attempts, { now: 0, best: 0, chosen: none })
    expect(chart.summary).toBe('4 attempts on 2 slots in 0.1 s')
    expect(chart.hit?.(590 - 10, 45, size)).toMatchObject({
      title: 'trial 3',
      trial: 3,
      lines: ['lost after 0.0 s', 'w1/1', 'gone'],
    })
    expect(chart.hit?.(300, 280, size)).toBe(null)
  })

  it('says what it was worth that nobody waited', () => {
    expect(savingsOf(attempts, 0)).toEqual({
      slots: 2,
      wallMs: 110,
      // Stages of two: 0 and 1 take 100, 2 and 3 take 60.
      stagedMs: 160,
      stopped: 1,
      // The median of those that ran through is 80; the one that was stopped took 20.
      savedMs: 60,
      lostMs: 30,
    })
    expect(savingsOf([attempt(0, 0, 0, null)], 10)).toBe(null)
  })

  it('counts busy slots at each moment', () => {
    const spans = [
      { from: 0, to: 10 },
      { from: 5, to: null },
      { from: 10, to: 20 },
    ]
    expect(countOver(spans, 30)).toEqual([
      { at: 0, count: 1 },
      { at: 5, count: 2 },
      { at: 10, count: 2 },
      { at: 20, count: 1 },
      { at: 30, count: 1 },
    ])
  })

  it('tells the slots that were there, and which workers came and were lost, of the last half hour', () => {
    const now = 40 * 60_000
    const stays = [
      { worker: 'w1', slots: 2, from: 0, to: null, went: null },
      { worker: 'w2', slots: 4, from: now - 60_000, to: now - 30_000, went: 'lost' as const },
    ]
    const chart = busyChart([{ from: now - 50_000, to: null }], stays, now)
    expect(chart.summary).toBe('up to 1 of 6 slots busy over 30:00; 2 workers came, 1 lost')
    const rows = chart.numbers().rows.map(([, what, count]) => [what, count])
    expect(rows).toEqual([
      ['busy slots', 1],
      ['busy slots', 1],
      ['slots', 2],
      ['slots', 6],
      ['slots', 2],
      ['slots', 2],
      ['w2 came with 4 slots', null],
      ['w2 was lost', null],
    ])
    const found = Array.from({ length: size.width }, (_, x) => chart.hit?.(x, 20, size)?.title)
    expect(new Set(found)).toEqual(new Set([undefined, 'w2 came with 4 slots', 'w2 was lost']))
    expect(busyChart([], [], now).summary).toBe('no worker was there and nothing ran in the last half hour')
  })
})

describe('groups', () => {
  const trials = trialsOf(
    ...Array.from({ length: 12 }, (_, trial) =>
      trialOf(trial, {
        state: trial === 11 ? 'failed' : 'done',
        hparams: { lr: 10 ** -(trial % 12), kind: trial % 2 === 0 ? 'even' : 'odd', same: 1 },
        metrics: trial === 11 ? {} : { loss: trial },
      }),
    ),
  )

  it('are offered by what differs, and by what was left out where it is an ablation', () => {
    const columns = (kind: 'ablation' | 'optimization') =>
      groupings(trials, { kind, repeats: 1 }).map(([column]) => column)
    expect(columns('optimization')).toEqual(['hparams.lr', 'hparams.kind'])
    expect(columns('ablation')).toEqual(['without', 'hparams.lr', 'hparams.kind'])
  })

  it('come to a mean and its interval; a single result has none', () => {
    const groups = groupsOf(trials, 'hparams.kind')
    const [even, odd] = resultsOf(trials, 'loss', groups, () => true)
    expect(even).toMatchObject({ group: 'kind even', place: 0, mean: 5 })
    // 0, 2, … 10: the variance is 14.
    expect(even?.error).toBeCloseTo(1.96 * Math.sqrt(14 / 6))
    expect(odd).toMatchObject({ group: 'kind odd', mean: 5 })
    expect(odd?.trials.map(({ trial }) => trial)).toEqual([1, 3, 5, 7, 9])
    const single = resultsOf(trials, 'loss', groups, (place) => place === 3)
    expect(single).toMatchObject([{ group: 'kind odd', place: 1, mean: 3, error: null }])
    const chart = groupsChart(
      [even, odd].flatMap((one) => one ?? []),
      'loss',
    )
    expect(chart.summary).toBe('kind even: 5 ± 2.994 over 6 results; kind odd: 5 ± 2.772 over 5 results')
    expect(groupsChart([], 'loss').summary).toBe('no result to put together')
  })

  it('are configurations where each is tried several times', () => {
    expect(groupings(trials, { kind: 'optimization', repeats: 3 })[0]).toEqual(['configuration', 'configuration'])
    const groups = groupsOf(trials, 'configuration', 1)
    expect(groups.names.at(-1)).toBe('configuration 11')
    const three = resultsOf(trials, 'loss', groupsOf(trials, 'configuration', 3), () => true)
    expect(three.map(({ mean, trials: own }) => [mean, own.length])).toEqual([
      [1, 3],
      [4, 3],
      [7, 3],
      [9.5, 2],
    ])
  })

  it('are ranges where numbers are many', () => {
    const { names, of } = groupsOf(trials, 'hparams.lr')
    expect(names).toEqual(['1. lr 1e-11 to 1e-9', '2. lr 1e-8 to 1e-6', '3. lr 1e-5 to 0.001', '4. lr 0.01 to 1'])
    expect([0, 5, 11].map(of)).toEqual([names[3], names[2], names[0]])
  })
})

describe('curves', () => {
  const series = (trial: number, values: readonly number[]) => {
    const made = new Series(trial, 1, 100)
    made.take(
      0,
      values.map((loss, step) => ({ step, at: step * 1000, values: { loss } })),
    )
    return made
  }
  const curve = (trial: number, values: readonly number[], given = {}) => ({
    series: series(trial, values),
    state: 'done',
    why: null,
    chosen: false,
    group: null,
    ...given,
  })

  it('of a group are put together by their mean, with its 95 % interval, for as long as they go on', () => {
    const band = bandOf([
      { x: [0, 1, 2], y: [1, 2, 3] },
      { x: [0, 1], y: [3, 4] },
    ])
    expect(band.map(({ x, mean, count }) => [x, mean, count])).toEqual([
      [0, 2, 2],
      [1, 3, 2],
      [2, 3, 1],
    ])
    expect(band[0]?.error).toBeCloseTo(1.96)
    expect(band[2]?.error).toBe(0)
  })

  it('say why they were stopped', () => {
    const chart = curvesChart([curve(4, [3, 2, 1], { state: 'pruned', why: 'stopped by the pruner at step 2' })], {
      metric: 'loss',
      across: 'step',
      log: false,
      best: null,
    })
    expect(chart.summary).toBe('1 curve of loss, from 1 to 3')
    // The last point lies at the right end of the plot.
    const hits = Array.from({ length: 300 }, (_, y) => chart.hit?.(586, y, size)).find((hit) => hit !== null)
    expect(hits).toMatchObject({ trial: 4, lines: ['loss 1 at step 2', 'stopped by the pruner at step 2'] })
    expect(chart.numbers().rows).toEqual([
      [4, 1, 0, 3],
      [4, 1, 1, 2],
      [4, 1, 2, 1],
    ])
  })

  it('carry the comings and goings of a ring’s members', () => {
    const generations = [
      { trial: 0, generation: 1, at: 0, members: ['a', 'b'] },
      { trial: 0, generation: 2, at: 1500, members: ['a'] },
      { trial: 0, generation: 3, at: 2500, members: ['a', 'c'] },
    ]
    expect(marksOf(generations, series(0, [3, 2, 1]))).toEqual([
      { at: 1, label: '−1', ink: 'bad' },
      { at: 2, label: '+1', ink: 'good' },
    ])
  })
})

describe('results', () => {
  it('have a best so far in either direction', () => {
    expect(runningBest([3, 5, 2, 4], 'minimize')).toEqual([3, 3, 2, 2])
    expect(runningBest([3, 5, 2, 4], 'maximize')).toEqual([3, 5, 5, 5])
  })

  it('have a front of two objectives and the hypervolume that it covers', () => {
    // Of the unit square between (0, 0) and (1, 1), all but a quarter is covered by (0, 0.5) and (0.5, 0).
    const points = [
      [0, 0.5],
      [0.5, 0],
      [1, 1],
      [0.5, 0.5],
    ]
    const trials = trialsOf(...points.map(([a = 0, b = 0], trial) => trialOf(trial, { metrics: { a, b } })))
    const found = frontOf(trials, [
      { metric: 'a', direction: 'minimize' },
      { metric: 'b', direction: 'minimize' },
    ])
    expect(found).toEqual({ places: [0, 1, 2, 3], front: [0, 1], hypervolume: 0.75 })
  })

  it('are brushed on an axis of numbers by their values, on one of choices by its parts', () => {
    expect(boundsOf(linear(0, 10), 0.8, 0.2)).toEqual([2, 8])
    expect(boundsOf(choices(['a', 'b']), 0.8, 0.2)).toEqual([0.2, 0.8])
  })

  it('are as good as their rank', () => {
    const trials = trialsOf(
      ...[3, 1, 2].map((loss, trial) => trialOf(trial, { metrics: { loss } })),
      trialOf(3, { state: 'failed' }),
    )
    expect([...goodnessOf(trials, trials.ranked({ metric: 'loss', direction: 'minimize' }))]).toEqual([0, 1, 0.5, NaN])
  })
})

it('charts with nothing to show say what they wait for', () => {
  const trials = trialsOf()
  const parallel = { axes: [], shown: new Uint8Array(0), bounds: {}, chosen: none, goodness: new Float64Array(0) }
  const empty = [
    ringChart(null),
    ablationChart(undefined, trials),
    timelineChart([], { now: 0, best: null, chosen: none }),
    curvesChart([], { metric: 'loss', across: 'step', log: true, best: null }),
    barsChart(undefined),
    new ParallelChart(trials, parallel),
  ]
  for (const chart of empty) {
    expect(drawn(chart)).toMatch(/<text[^>]*>[^<]+<\/text>/)
    expect(drawn(chart)).not.toMatch(/NaN|Infinity/)
  }
})
