/** Search spaces as nobody should write them, for property tests: what is not refused has to work. */
import * as fc from 'fast-check'
import { isProblem, type SearchSpace } from '../../protocol/index.ts'
import { validateSpace } from '../../src/space/index.ts'

const { MAX_SAFE_INTEGER: huge, MAX_VALUE } = Number

/** Numbers at which arithmetic goes wrong first. */
const oddNumber = fc.oneof(
  fc.constantFrom(
    -0,
    0,
    0.1,
    0.3,
    1,
    -1,
    3,
    5e-324,
    1e-300,
    2.2e-308,
    1e-12,
    1e15,
    1e16,
    huge,
    -huge,
    1e300,
    MAX_VALUE / 4,
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e308 / 2, max: 1e308 / 2 }),
  fc.integer({ min: -50, max: 50 }),
  fc.integer({ min: -50, max: 50 }).map((value) => value / 10),
)
const range = fc
  .tuple(oddNumber, oddNumber)
  .map(([one, other]) => ({ low: Math.min(one, other), high: Math.max(one, other) }))
const step = fc.oneof(oddNumber.map(Math.abs), fc.constantFrom(0.1, 0.3, 0.7, 1e-3, 1, 2, 7))
const whole = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(huge, huge - 1, -huge, 2 ** 31, 2 ** 32, 2 ** 52, 0, 1),
)
const wholeRange = fc
  .tuple(whole, whole)
  .map(([one, other]) => ({ low: Math.min(one, other), high: Math.max(one, other) }))
const log = fc.boolean()
const scalar = fc.oneof(
  fc.constantFrom(1, '1', true, 'true', null, 'null', '', ' ', 0, -0, '__proto__', 'hasOwnProperty', 1.5, 'é\u0000'),
  fc.string({ maxLength: 5 }),
)

const oddParameter: fc.Arbitrary<object> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(range, log).map(([bounds, isLog]) => ({ type: 'double', ...bounds, log: isLog })) },
  { weight: 3, arbitrary: fc.tuple(range, step, log).map(([bounds, size, isLog]) => ({ type: 'double', ...bounds, step: size, log: isLog })) },
  { weight: 2, arbitrary: fc.tuple(wholeRange, log).map(([bounds, isLog]) => ({ type: 'integer', ...bounds, log: isLog })) },
  { weight: 2, arbitrary: fc.tuple(wholeRange, fc.constantFrom(1, 2, 3, 7, 2 ** 30), log).map(([bounds, size, isLog]) => ({ type: 'integer', ...bounds, step: size, log: isLog })) },
  { weight: 2, arbitrary: fc.uniqueArray(oddNumber, { minLength: 1, maxLength: 5 }).map((values) => ({ type: 'discrete', values })) },
  { weight: 3, arbitrary: fc.uniqueArray(scalar, { minLength: 1, maxLength: 5 }).map((choices) => ({ type: 'categorical', choices })) },
  { weight: 1, arbitrary: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })).map((value) => ({ type: 'constant', value })) },
) // prettier-ignore

/** Names that objects inherit are names like others. */
const oddName = fc.oneof(
  fc.constantFrom('hasOwnProperty', 'constructor', 'toString', 'valueOf', '__defineGetter__', 'then', 'length', 'x'),
  fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,3}$/),
)

const valuesOf = (parameter: Record<string, unknown>): readonly unknown[] =>
  (parameter['choices'] ?? parameter['values'] ?? [parameter['low'], parameter['high']]) as readonly unknown[]

/** Each parameter may hang on one before it, and be bound to another by a constraint that excludes a little, much or everything. */
const oddSpace = fc
  .tuple(
    fc.dictionary(oddName, oddParameter, { maxKeys: 6, noNullPrototype: true }),
    fc.array(fc.record({ hangs: fc.nat(3), pick: fc.nat(4), bound: fc.nat(5), tight: oddNumber }), { minLength: 6, maxLength: 6 }),
  )
  .map(([parameters, relations]): object => {
    const names = Object.keys(parameters)
    return Object.fromEntries(
      names.map((name, index) => {
        const parameter: Record<string, unknown> = { ...parameters[name] }
        const { hangs, pick, bound, tight } = relations[index] ?? { hangs: 1, pick: 0, bound: 1, tight: 0 }
        const parent = names[index - 1 - (pick % 2)]
        if (hangs === 0 && parent !== undefined) {
          const values = valuesOf(parameters[parent] as Record<string, unknown>)
          parameter['when'] = { parameter: parent, in: values.filter((_, at) => at === pick % values.length) }
        }
        if (bound === 0) parameter['where'] = [{ sum: { [name]: 1, ...(parent === undefined ? {} : { [parent]: -1 }) }, atMost: tight }]
        if (bound === 1) parameter['where'] = [{ product: { [name]: 1, ...(parent === undefined ? {} : { [parent]: 2 }) }, atLeast: tight }]
        return [name, parameter]
      }),
    )
  }) // prettier-ignore

/** Of all that may be written, what validateSpace does not refuse. */
export const takenSpace: fc.Arbitrary<SearchSpace> = oddSpace
  .map((given) => {
    try {
      return validateSpace(given)
    } catch (error) {
      if (isProblem(error, 'SPACE_INVALID')) return undefined
      throw error
    }
  })
  .filter((given) => given !== undefined)
