import { describe, expect, it } from 'vitest'
import { Retention } from '../../actors/driver/experiment/retention.ts'
import type { Fidelity, Observation } from '../../protocol/index.ts'

const objectives = [{ metric: 'loss', direction: 'minimize' as const }]

/** Trials that settle one after another, each with a checkpoint; and how often the retention looked at one, or at all of them. */
function keeping(fidelityOf: (trial: number) => Fidelity | undefined = () => undefined) {
  const trials: Observation[] = []
  const retention = new Retention(objectives)
  const looks = { one: 0, all: 0 }
  const standings = {
    one: (trial: number) => {
      looks.one++
      return trials[trial]
    },
    all: () => {
      looks.all++
      return trials
    },
  }
  const left = new Set<number>()
  return {
    looks,
    left,
    add: (loss: number | null, state: Observation['state'] = 'done'): number => {
      const trial = trials.length
      const fidelity = fidelityOf(trial)
      const metrics = loss === null ? {} : { loss }
      trials.push({ trial, hparams: {}, state, metrics, step: null, ...(fidelity && { fidelity }) })
      if (state !== 'pending') {
        retention.put(trial)
        left.add(trial)
      }
      for (const gone of retention.clear(standings, false)) left.delete(gone)
      return trial
    },
    end: (): void => {
      for (const gone of retention.clear(standings, true)) left.delete(gone)
    },
  }
}

describe('Retention', () => {
  it('keeps the 32 best, and nothing of a trial that failed or was pruned', () => {
    const { add, left } = keeping()
    for (let trial = 0; trial < 100; trial++) add((trial * 37) % 100)
    add(null, 'failed')
    add(-1, 'pruned')
    const best = Array.from({ length: 100 }, (_, trial) => trial).filter((trial) => (trial * 37) % 100 < 32)
    expect([...left].sort((a, b) => a - b)).toEqual(best)
  })

  it('looks at what it keeps, and never at the whole history, where no trial continues another', () => {
    const { add, looks } = keeping()
    for (let trial = 0; trial < 500; trial++) add((trial * 37) % 500)
    expect(looks.all).toBe(0)
    expect(looks.one).toBeLessThanOrEqual(500 * 33)
  })

  it('keeps what an open trial continues, and the last of each group, however poor they are', () => {
    const fidelities = new Map<number, Fidelity>([
      [0, { budget: 1, from: null, group: 7 }],
      [1, { budget: 1, from: null, group: 7 }],
      [2, { budget: 1, from: null }],
      [3, { budget: 2, from: 2 }],
    ])
    const { add, left } = keeping((trial) => fidelities.get(trial) ?? { budget: 1, from: null })
    for (const loss of [1000, 1001, 1002]) add(loss)
    add(null, 'pending')
    for (let trial = 0; trial < 60; trial++) add(trial)
    expect([left.has(0), left.has(1), left.has(2)]).toEqual([false, true, true])
  })

  it('keeps only those that none beats once all is over', () => {
    const { add, end, left } = keeping()
    for (const loss of [3, 1, 2, 1]) add(loss)
    end()
    expect([...left]).toEqual([1, 3])
  })
})
