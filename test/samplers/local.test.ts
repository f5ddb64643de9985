import { describe, expect, it } from 'vitest'
import type { Observation } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { createLedger } from '../../src/samplers/ledger.ts'
import { quadraticMinimum } from '../../src/samplers/local/quadratic.ts'
import { nearBest, sideAfter } from '../../src/samplers/local/trust-region.ts'
import { cubeOf, space } from '../../src/space/index.ts'

const plane = { x: space.double(0, 1), y: space.double(0, 1) }
const cube = cubeOf(plane)
/** A valley a thousand times as steep across as along, that lies aslant. */
const valley = (x: number, y: number) => 1000 * (x - y) ** 2 + (x + y - 1.2) ** 2
const done = (points: readonly (readonly [number, number])[], lossOf = valley) => {
  const ledger = createLedger({ metric: 'value', direction: 'minimize' }, ({ hparams }) => cube.toCube(hparams))
  ledger.show(
    points.map(([x, y], trial): Observation => {
      return { trial, hparams: { x, y }, state: 'done', metrics: { value: lossOf(x, y) }, step: null }
    }),
  )
  return ledger.entries
}
const random = createRandom('points')
const scattered = Array.from({ length: 20 }, () => [random.uniform(), random.uniform()] as const)

describe('a search near the best trial', () => {
  it('finds the minimum of a quadratic from a few of its points, however it lies', () => {
    const points = scattered.map(([x, y]) => Float64Array.of(x, y))
    const values = scattered.map(([x, y]) => valley(x, y))
    const box = { low: [0, 0], high: [1, 1] }
    const weights = points.map(() => 1)
    const end = quadraticMinimum(points, values, weights, box, createRandom('quadratic'))
    expect([...(end ?? [])]).toEqual([expect.closeTo(0.6, 3), expect.closeTo(0.6, 3)])
    expect(quadraticMinimum(points.slice(0, 5), values, weights, box, createRandom('quadratic'))).toBeUndefined()
  })

  it('comes to the bottom of a steep valley within a few trials', () => {
    const points = [...scattered]
    while (points.length < 40) {
      const turn = points.length
      const asked = { space: plane, ended: done(points), pending: [], since: 20, turn, random: createRandom(turn) }
      const next = nearBest(asked)
      expect(next).toBeDefined()
      points.push([Number(next?.['x']), Number(next?.['y'])])
    }
    expect(Math.min(...scattered.map(([x, y]) => valley(x, y)))).toBeGreaterThan(1e-2)
    expect(Math.min(...points.map(([x, y]) => valley(x, y)))).toBeLessThan(1e-6)
  })

  it('has nothing to say while there are too few trials', () => {
    const asked = { space: plane, ended: done(scattered.slice(0, 3)), pending: [], since: 0, turn: 0, random }
    expect(nearBest(asked)).toBeUndefined()
  })

  it('does not suggest a pending point again', () => {
    const asked = { space: plane, ended: done(scattered), since: 20, turn: 20 }
    const first = nearBest({ ...asked, pending: [], random: createRandom(1) })
    const second = nearBest({ ...asked, pending: [cube.toCube(first ?? {})], random: createRandom(1) })
    expect(first).toBeDefined()
    expect(second).not.toEqual(first)
  })

  it('widens its box while trials improve, narrows it while they do not, and leaves out what came before', () => {
    const losses = (values: readonly number[]) =>
      done(
        values.map((value) => [value, 0] as const),
        (x) => x,
      )
    const start = sideAfter([], 0, 2)
    expect(sideAfter(losses([0.9, 0.8, 0.7, 0.6]), 0, 2)).toBeGreaterThan(start)
    expect(sideAfter(losses([0.1, 0.2, 0.3, 0.4]), 0, 2)).toBe(start / 2)
    expect(sideAfter(losses([0.1, 0.2, 0.3, 0.4]), 4, 2)).toBe(start)
    // Eight that were suggested together are one reason to narrow it.
    expect(sideAfter(losses([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]), 0, 2, 8)).toBe(start / 2)
  })

  it('does not send many to a minimum that a trial is under way to', () => {
    const asked = { space: plane, ended: done(scattered), since: 20, turn: 20, random: createRandom(3) }
    const first = cube.toCube(nearBest({ ...asked, pending: [] }) ?? {})
    const beside = first.map((at) => at + 1e-4)
    const next = cube.toCube(nearBest({ ...asked, pending: [beside] }) ?? {})
    expect(Math.hypot(...next.map((at, i) => at - (beside[i] as number)))).toBeGreaterThan(1e-3)
  })

  it('keeps away from where trials failed', () => {
    const ledger = createLedger({ metric: 'value', direction: 'minimize' }, ({ hparams }) => cube.toCube(hparams))
    const history: Observation[] = []
    // The minimum lies behind a wall: beyond x = 0.5 all trials fail.
    const tried = (x: number, y: number) => {
      const failed = x > 0.5
      const metrics = failed ? {} : { value: (x - 0.7) ** 2 + (y - 0.5) ** 2 }
      history.push({ trial: history.length, hparams: { x, y }, state: failed ? 'failed' : 'done', metrics, step: null })
    }
    for (const [x, y] of scattered) tried(x, y)
    let failures = 0
    for (let turn = 20; turn < 50; turn++) {
      ledger.show(history)
      const asked = { space: plane, ended: ledger.entries, pending: [], since: 20, turn, random: createRandom(turn) }
      const next = nearBest(asked)
      if (next === undefined) break
      tried(Number(next['x']), Number(next['y']))
      if (history.at(-1)?.state === 'failed') failures++
    }
    const reached = Math.max(
      ...history.filter(({ state }) => state === 'done').map(({ hparams }) => Number(hparams['x'])),
    )
    expect(history.length).toBeGreaterThan(30)
    expect(failures).toBeLessThan((history.length - 20) / 2)
    expect(reached).toBeGreaterThan(0.45)
  })
})
