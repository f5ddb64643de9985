/** The Python package's Space and its randomness mean what src/space and src/random mean, on hundreds of spaces. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Hparams, SearchSpace } from '../../protocol/index.ts'
import { createRandom, deriveSeed } from '../../src/random/index.ts'
import { faultIn, fromUnit, keeps, sample, toUnit, validateSpace, withoutInactive } from '../../src/space/index.ts'
import { anySpace } from '../support/spaces.ts'
import { pythonWith } from '../support/python.ts'

/** Written as people write them, with all that there is: conditions in chains, constraints, values that Python takes for equal. */
const written: readonly SearchSpace[] = [
  {
    kind: { type: 'categorical', choices: ['sgd', 'adam', 1, true, '1', null, 0, false] },
    momentum: { type: 'double', low: 0, high: 0.99, when: { parameter: 'kind', in: ['sgd', 1] } },
    nesterov: { type: 'categorical', choices: [true, false], when: { parameter: 'kind', in: ['sgd'] } },
    warm: { type: 'integer', low: 1, high: 5, when: { parameter: 'nesterov', in: [true] } },
    beta: { type: 'double', low: 0.5, high: 0.999, when: { parameter: 'kind', in: ['adam', true] } },
  },
  {
    a: { type: 'double', low: 0, high: 1 },
    b: { type: 'double', low: 0, high: 1, where: [{ sum: { a: 1, b: 1 }, atMost: 0.05 }] },
    c: { type: 'integer', low: 1, high: 9 },
  },
  {
    batch: { type: 'discrete', values: [16, 32, 64, 128] },
    width: {
      type: 'integer',
      low: 8,
      high: 512,
      log: true,
      where: [{ product: { batch: 1, width: 1 }, atMost: 4096 }],
    },
    depth: {
      type: 'integer',
      low: 1,
      high: 40,
      where: [{ product: { width: 2, depth: 1 }, atLeast: 100, atMost: 90_000 }],
    },
  },
  {
    x: { type: 'double', low: 0.1, high: 0.9, step: 0.1 },
    y: { type: 'double', low: 0.1, high: 0.9, step: 0.2, log: true, where: [{ sum: { x: 1, y: -1 }, atMost: 0 }] },
    z: { type: 'constant', value: ['a', 1, true] },
    tiny: { type: 'double', low: 1e-9, high: 1e-3, log: true },
  },
  {
    x: { type: 'double', low: -1, high: 1 },
    y: { type: 'double', low: -1, high: 1, where: [{ sum: { x: 1, y: 1 }, atLeast: 1.8, atMost: 2 }] },
  },
]
const wrong: readonly unknown[] = [1, true, '1', null, 0, -1, 1.5, 1e9, 'sgd', [1], false, 0.30000000000000004, 16, 5]

function caseOf(given: SearchSpace, index: number) {
  const space = validateSpace(given)
  const name = `s${index}`
  const samples = Array.from({ length: 6 }, (_, seed) => sample(space, createRandom(name, seed)))
  const first = samples[0] ?? {}
  const random = createRandom('wrong', index)
  const changed = Object.keys(space).flatMap((key) => {
    const { [key]: _, ...without } = first
    return [without, { ...first, [key]: wrong[random.integer(wrong.length)] }]
  })
  const points = [...samples, ...changed, { ...first, other: 1 }].map((point) => {
    const hparams = point as Hparams
    return { hparams, fault: faultIn(space, hparams)?.path ?? null, satisfied: keeps(space, hparams) }
  })
  const units = samples.map((hparams) => {
    const from = Object.fromEntries(Object.keys(space).map((key) => [key, random.uniform()]))
    const values = Object.entries(space).map(([key, parameter]) => [key, fromUnit(parameter, from[key] ?? 0)] as const)
    const told = Object.entries(hparams).map(([key, value]) => [key, toUnit(space[key] as never, value)])
    const made = withoutInactive(space, Object.fromEntries(values))
    return { hparams, units: Object.fromEntries(told) as object, from, made }
  })
  return { name, space, samples, points, units }
}

it('samples, checks and turns into units as the TypeScript one does', async () => {
  const python = await pythonWith()
  const spaces = [...written, ...fc.sample(anySpace, { seed: 15, numRuns: 250 })]
  const parts = [[1], ['1'], [7, 'suggest', 3], ['é', 2 ** 40]] as const
  const random = parts.map((seed) => {
    const one = createRandom(...seed)
    const draws = [one.uniform(), one.normal(), one.normal(), one.integer(1000)]
    return { parts: seed, draws, seed: deriveSeed(...seed) }
  })
  const input = JSON.stringify({ random, spaces: spaces.map(caseOf) })
  const differences = JSON.parse(await python.run(['test/python/hold_space.py'], { input })) as string[]
  expect(differences).toEqual([])
})
