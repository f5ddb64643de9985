import { describe, expect, expectTypeOf, it } from 'vitest'
import { createRandom } from '../../src/random/index.ts'
import {
  acceptance,
  cardinality,
  contains,
  cubeOf,
  enumerate,
  faultIn,
  sample,
  space,
  validateSpace,
  type ValuesOf,
} from '../../src/space/index.ts'

const written = {
  // The child stands before its parent: no language needs to keep an order.
  beta: space.discrete([0.9, 0.99], { when: { parameter: 'optimizer', in: ['adam'] } }),
  optimizer: space.categorical(['sgd', 'adam']),
  momentum: space.double(0, 1, { step: 0.5, when: { parameter: 'optimizer', in: ['sgd'] } }),
  nesterov: space.categorical([true, false], { when: { parameter: 'momentum', in: [0.5, 1] } }),
}
const conditional = validateSpace(written)
const constrained = validateSpace({
  a: space.integer(1, 4, { where: [{ sum: { a: 1, b: -1 }, atMost: 0 }] }),
  b: space.integer(1, 4, { where: [{ product: { a: 1, b: 1 }, atMost: 8 }] }),
})

describe('a condition', () => {
  it('makes the value optional for train', () => {
    type Values = ValuesOf<typeof written>
    expectTypeOf<Values['optimizer']>().toEqualTypeOf<'sgd' | 'adam'>()
    expectTypeOf<Values['beta']>().toEqualTypeOf<0.9 | 0.99 | undefined>()
    expectTypeOf<Values['nesterov']>().toEqualTypeOf<boolean | undefined>()
  })

  it('decides what is sampled, checked, counted and enumerated', () => {
    const random = createRandom('conditions')
    for (let count = 0; count < 200; count++) expect(faultIn(conditional, sample(conditional, random))).toBeUndefined()
    // adam with 2 betas; sgd with momentum 0, or one of two others with or without nesterov.
    expect(cardinality(conditional)).toBe(7)
    const grid = enumerate(conditional)
    const points = Array.from({ length: grid?.size ?? 0 }, (_, index) => JSON.stringify(grid?.at(index)))
    expect(new Set(points).size).toBe(7)
  })

  it('says what is given without being there, and what is missing', () => {
    expect(contains(conditional, { optimizer: 'adam', beta: 0.9 })).toBe(true)
    expect(faultIn(conditional, { optimizer: 'adam' })?.path).toBe('hparams.beta')
    expect(faultIn(conditional, { optimizer: 'adam', beta: 0.9, momentum: 0.5 })).toEqual({
      path: 'hparams.momentum',
      reason: 'is only there when optimizer is "sgd", but that is "adam": leave it out',
    })
    expect(contains(conditional, { optimizer: 'sgd', momentum: 0, nesterov: true })).toBe(false)
  })
})

describe('a constraint', () => {
  it('is kept by samples and by the grid, and says how many there are', () => {
    const random = createRandom('constraints')
    for (let count = 0; count < 200; count++) expect(contains(constrained, sample(constrained, random))).toBe(true)
    // a <= b and a * b <= 8: 1 with 1 to 4, 2 with 2 to 4 …
    expect(enumerate(constrained)?.size).toBe(7)
    expect(acceptance(constrained)).toEqual({ kind: 'counted', kept: 7, of: 16 })
    expect(faultIn(constrained, { a: 3, b: 2 })).toEqual({
      path: 'hparams.a',
      reason: 'breaks a constraint: a + -1 * b <= 0 is 1',
    })
  })
})

describe('relations that are wrong', () => {
  const double = { type: 'double', low: 0, high: 1 }
  const cases: [unknown, string][] = [
    [
      { a: { ...double, when: { parameter: 'b', in: [1] } } },
      'space.a.when.parameter is "b", which is not in the search space',
    ],
    [
      { a: { ...double, when: { parameter: 'b', in: [1] } }, b: double },
      'space.a.when.parameter is "b", a double without a step: it never has one value exactly',
    ],
    [
      { a: { ...double, when: { parameter: 'b', in: [3] } }, b: { type: 'integer', low: 1, high: 2 } },
      'space.a.when.in[0] is 3, outside of 1 to 2',
    ],
    [
      { a: { type: 'integer', low: 0, high: 1, when: { parameter: 'a', in: [1] } } },
      'space.a.when goes round in a circle: it hangs on itself',
    ],
    [{ a: { ...double, when: ['b'] } }, 'space.a.when is ["b"], not { parameter: name, in: [value, …] }'],
    [{ a: { ...double, where: [{ sum: { a: 1 } }] } }, 'space.a.where[0] has no bound: give atLeast or atMost'],
    [
      { a: { ...double, where: [{ sum: { b: 1 }, atMost: 1 }] } },
      'space.a.where[0] names "b", which is not in the search space',
    ],
    [
      { a: { ...double, where: [{ sum: { a: 1 }, atLeast: 2 }] } },
      'space.a.where leaves nothing that could be found: none of 100000 points by chance keeps all constraints (an estimate, for there are too many points to count); choose narrower ranges, or search for a difference or a ratio of two parameters in place of one of them',
    ],
  ]
  for (const [given, message] of cases) {
    it(`are refused: ${message}`, () => {
      expect(() => validateSpace(given)).toThrow(expect.objectContaining({ code: 'SPACE_INVALID', message }))
    })
  }
})

describe('a cube', () => {
  it('has a column for a number and one for each choice, and takes points there and back', () => {
    for (const given of [conditional, constrained]) {
      const cube = cubeOf(given)
      const random = createRandom('cube')
      for (let count = 0; count < 100; count++) {
        const hparams = sample(given, random)
        expect(cube.fromCube(cube.toCube(hparams))).toEqual(hparams)
      }
    }
    expect(cubeOf(conditional).size).toBe(6)
  })
})
