/** Search spaces for property tests. */
import * as fc from 'fast-check'
import type { Parameter, SearchSpace } from '../../protocol/index.ts'

const bounds = (least: number) =>
  fc
    .tuple(fc.double({ min: least, max: 1e6, noNaN: true }), fc.double({ min: least, max: 1e6, noNaN: true }))
    // -0 passes as 0, so no end is -0.
    .map(([one, other]) => ({ low: Math.min(one, other) + 0, high: Math.max(one, other) + 0 }))

const wholeBounds = (least: number) =>
  fc
    .tuple(fc.integer({ min: least, max: 10_000 }), fc.integer({ min: 0, max: 10_000 }))
    .map(([low, size]) => ({ low, high: low + size }))

const double: fc.Arbitrary<Parameter> = fc.oneof(
  bounds(-1e6).map((range) => ({ type: 'double' as const, ...range })),
  bounds(1e-6).map((range) => ({ type: 'double' as const, ...range, log: true })),
)

/** Steps in decimals, as people write them, with and without log. */
const steppedDouble: fc.Arbitrary<Parameter> = fc
  .record({
    low: fc.integer({ min: 1, max: 2000 }),
    step: fc.integer({ min: 1, max: 50 }),
    steps: fc.integer({ min: 1, max: 60 }),
    digits: fc.integer({ min: 0, max: 6 }),
    log: fc.boolean(),
  })
  .map(({ low, step, steps, digits, log }) => {
    const decimal = (value: number) => Number(`${value}e-${digits}`)
    return { type: 'double', low: decimal(low), high: decimal(low + step * steps), step: decimal(step), log }
  })

const integer: fc.Arbitrary<Parameter> = fc.oneof(
  wholeBounds(-10_000).map((range) => ({ type: 'integer' as const, ...range })),
  wholeBounds(1).map((range) => ({ type: 'integer' as const, ...range, log: true })),
  fc
    .tuple(wholeBounds(1), fc.integer({ min: 1, max: 100 }), fc.boolean())
    .map(([{ low, high }, step, log]) => ({ type: 'integer' as const, low, high: high + step, step, log })),
)

const scalar = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
)

const listed: fc.Arbitrary<Parameter> = fc.oneof(
  fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 9 }).map((values) => ({ type: 'discrete' as const, values })),
  fc.uniqueArray(scalar, { minLength: 1, maxLength: 9 }).map((choices) => ({ type: 'categorical' as const, choices })),
  scalar.map((value) => ({ type: 'constant' as const, value })),
)

/** Any parameter that has an end of values. */
export const finiteParameter: fc.Arbitrary<Parameter> = fc.oneof(steppedDouble, integer, listed)
export const anyParameter: fc.Arbitrary<Parameter> = fc.oneof(double, finiteParameter)

const named = (parameter: fc.Arbitrary<Parameter>, most: number): fc.Arbitrary<SearchSpace> =>
  fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/), parameter, { maxKeys: most, noNullPrototype: true })

export const anySpace = named(anyParameter, 6)
export const finiteSpace = named(finiteParameter, 4)
