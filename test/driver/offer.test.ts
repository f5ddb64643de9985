import { describe, expect, it } from 'vitest'
import type { Submission, WorkerInfo } from '../../protocol/index.ts'
import { fits, fitsIfLarger, offerOf, wanted, wishOf, type Wish } from '../../actors/driver/fleet/offer.ts'
import { ablation, optimization } from '../../src/experiment/index.ts'
import { study } from '../../src/ablation/index.ts'
import { space } from '../../src/space/index.ts'

const bundle = { sha256: 'a'.repeat(64), bytes: 1, module: 'm.ts' }
const aim = { metric: 'loss', direction: 'minimize' } as const
const search = optimization({ space: { x: space.double(0, 1) }, trials: 1, ...aim, labels: { gpu: 'yes' } })
const ofSearch: Submission = { experiment: 'e', name: 'bowl', contextName: 'c', context: search.context, bundle }
const slot = { memoryBytes: 0, cores: 0, gpus: 0 }
const offer = { worker: 'w1', labels: { gpu: 'yes' }, can: [], experiments: [], slot }

describe('a worker', () => {
  it('that trusts some keys only is asked for what one of them has signed', () => {
    const trusting = { ...offer, can: ['bundle' as const], trusts: ['k1', 'k2'] }
    expect(fits(trusting, wishOf(ofSearch, false))).toBe(false)
    expect(fits(trusting, wishOf(ofSearch, false, 'k3'))).toBe(false)
    expect(fits(trusting, wishOf(ofSearch, false, 'k2'))).toBe(true)
    expect(fits({ ...trusting, trusts: [] }, wishOf(ofSearch, false, 'k2'))).toBe(false)
  })

  it('that says nothing of what it can do is asked for nothing that it would have to know of', () => {
    expect(offerOf(null)).toEqual({ worker: '', labels: {}, can: [], experiments: [], slot })
    expect(fits(offer, wishOf(ofSearch, false))).toBe(false)
  })

  it('that runs bundles runs any experiment; another one those that it names', () => {
    expect(fits({ ...offer, can: ['bundle'] }, wishOf(ofSearch, false))).toBe(true)
    expect(fits({ ...offer, experiments: ['bowl'] }, wishOf(ofSearch, false))).toBe(true)
    expect(fits({ ...offer, experiments: ['penguins'] }, wishOf(ofSearch, false))).toBe(false)
    expect(fits({ ...offer, can: ['bundle'], labels: {} }, wishOf(ofSearch, false))).toBe(false)
  })

  it('that runs bundles has nothing to run where no code is on the bus', () => {
    const { bundle: _, ...without } = ofSearch
    expect(fits({ ...offer, can: ['bundle'] }, wishOf(without, false))).toBe(false)
    expect(fits({ ...offer, experiments: ['bowl'] }, wishOf(without, false))).toBe(true)
    expect(wanted(wishOf(without, false))).toBe(
      ' with the labels gpu=yes that runs the experiment bowl by code of its own',
    )
  })

  it('has an equal part of its memory, cores and GPUs for each slot, and trials that need more go elsewhere', () => {
    const gigabyte = 2 ** 30
    const { slot: part } = offerOf({ slots: 4, memoryBytes: 16 * gigabyte, cores: 8, gpus: 2 } as WorkerInfo)
    expect(part).toEqual({ memoryBytes: 4 * gigabyte, cores: 2, gpus: 0.5 })
    const wish = (resources: object) => ({ ...wishOf(ofSearch, false), resources: resources as Wish['resources'] })
    const has = { ...offer, can: ['bundle' as const], slot: part }
    for (const enough of [{}, { memoryBytes: 4 * gigabyte }, { cores: 2, gpus: 0.5 }]) {
      expect(fits(has, wish(enough))).toBe(true)
    }
    for (const more of [{ memoryBytes: 4 * gigabyte + 1 }, { cores: 3 }, { gpus: 1 }]) {
      expect(fits(has, wish(more))).toBe(false)
      expect(fitsIfLarger(has, wish(more))).toBe(true)
    }
    expect(wanted(wish({ memoryBytes: 4 * gigabyte, gpus: 1 }))).toContain('4 GB of memory, 1 GPUs for a slot')
  })

  it('gets no ablation, and no trial that continues another one, unless it can do that', () => {
    const { context } = ablation({ study: study().training('noise'), ...aim })
    const ablated = wishOf({ ...ofSearch, context }, false)
    expect(fits({ ...offer, can: ['bundle'] }, ablated)).toBe(false)
    expect(fits({ ...offer, can: ['bundle', 'ablated'] }, ablated)).toBe(true)
    const continued = wishOf(ofSearch, true)
    expect(fits({ ...offer, can: ['bundle'] }, continued)).toBe(false)
    expect(fits({ ...offer, can: ['bundle', 'resumeFrom'] }, continued)).toBe(true)
    expect(wanted(continued)).toContain('that can do resumeFrom')
  })
})
