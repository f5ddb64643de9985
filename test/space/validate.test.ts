import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { validateSpace } from '../../src/space/index.ts'
import { anySpace } from '../support/spaces.ts'

const double = { type: 'double', low: 0, high: 1 }
const integer = { type: 'integer', low: 1, high: 9 }

const cases: [unknown, string][] = [
  [undefined, 'space is undefined, not a map of parameters by name'],
  [[], 'space is [], not a map of parameters by name'],
  [
    Object.fromEntries(Array.from({ length: 8193 }, (_, index) => [`p${index}`, { type: 'double', low: 0, high: 1 }])),
    'space has 8193 parameters; 8192 are the most',
  ],
  [{ lr: 1 }, 'space.lr is 1, not a parameter; write it with space.double and its like'],
  [{ lr: { type: 'float' } }, 'space.lr.type is "float"; there are double, integer, discrete, categorical, constant'],
  [
    { lr: { type: 'toString' } },
    'space.lr.type is "toString"; there are double, integer, discrete, categorical, constant',
  ],
  [{ lr: { ...double, low: 2 } }, 'space.lr.low is 2, above high, which is 1'],
  [{ lr: { ...double, low: Number.NaN } }, 'space.lr.low is NaN, not a finite number'],
  [{ lr: { ...double, high: Infinity } }, 'space.lr.high is Infinity, not a finite number'],
  [{ lr: { ...double, high: '1' } }, 'space.lr.high is "1", not a finite number'],
  [{ lr: { type: 'double', low: 1 } }, 'space.lr.high is undefined, not a finite number'],
  [{ lr: { ...double, low: -1e308, high: 1e308 } }, 'space.lr.high is 1e+308, too far from low, which is -1e+308'],
  [
    { lr: { ...double, log: true } },
    'space.lr.low is 0; with log it must be above 0, for the logarithm of 0 is not a number',
  ],
  [{ lr: { ...double, log: 'yes' } }, 'space.lr.log is "yes", not true or false'],
  [{ lr: { ...double, step: 0 } }, 'space.lr.step is 0; it must be above 0'],
  [{ lr: { ...double, step: 2 } }, 'space.lr.step is 2, larger than the range from 0 to 1'],
  [{ lr: { ...double, step: 1e-300 } }, 'space.lr.step is 1e-300, too small for the range: leave it out'],
  [{ lr: { ...double, lgo: true } }, 'space.lr.lgo is unknown; double has low, high, log, step, when, where'],
  [{ n: { ...integer, low: 1.5 } }, 'space.n.low is 1.5, not a whole number'],
  [{ n: { ...integer, step: 1.5 } }, 'space.n.step is 1.5, not a whole number'],
  [
    { n: { ...integer, low: -(2 ** 53) + 1, high: 2 ** 53 - 1 } },
    'space.n.high is 9007199254740991: more than 2^53 values',
  ],
  [{ v: { type: 'discrete', values: [] } }, 'space.v.values is empty; give at least one of the numbers'],
  [{ v: { type: 'discrete', values: [1, '2'] } }, 'space.v.values[1] is "2", not a finite number'],
  [{ v: { type: 'discrete', values: [1, 2, 1] } }, 'space.v.values[2] is 1, which stands at [0] already'],
  [{ c: { type: 'categorical', choices: [] } }, 'space.c.choices is empty; give at least one of the choices'],
  [{ c: { type: 'categorical', choices: 'ab' } }, 'space.c.choices is "ab", not a list of choices'],
  [{ c: { type: 'categorical', choices: ['a', 'a'] } }, 'space.c.choices[1] is "a", which stands at [0] already'],
  [
    { c: { type: 'categorical', choices: [[1]] } },
    'space.c.choices[0] is [1], a list; name it by a string and look it up in train',
  ],
  [
    { c: { type: 'constant', value: () => 1 } },
    'space.c.value is () => 1, not a finite number, a string, a boolean, null, or a list of these',
  ],
  [
    { c: { type: 'constant', value: Number.NaN } },
    'space.c.value is NaN, not a finite number, a string, a boolean, null, or a list of these',
  ],
]

describe('a search space', () => {
  for (const [given, message] of cases) {
    it(`is refused: ${message}`, () => {
      expect(() => validateSpace(given)).toThrow(expect.objectContaining({ code: 'SPACE_INVALID', message }))
    })
  }

  it('is refused for a name that could not be given on a command line or in a path', () => {
    for (const name of ['', '1', 'a b', 'a=b', '__proto__', 'a/b', 'x'.repeat(129)]) {
      const given = Object.fromEntries([[name, double]])
      expect(() => validateSpace(given)).toThrow(/^space\[".*\] is not usable as a name/)
    }
  })

  it('may have names in any alphabet', () => {
    expect(Object.keys(validateSpace({ lernräte: double, _a: double, 'model.lr-2': double }))).toHaveLength(3)
  })

  it('is named by the path that is given', () => {
    expect(() => validateSpace({ lr: 1 }, 'contexts.tune.space')).toThrow(/^contexts\.tune\.space\.lr is 1/)
  })

  it('is copied as it is, so that a later change of the original changes nothing', () => {
    const values = [1, 2]
    const valid = validateSpace({ v: { type: 'discrete', values }, lr: { ...double, log: undefined } })
    values.push(3)
    expect(valid).toStrictEqual({ v: { type: 'discrete', values: [1, 2] }, lr: double })
  })

  it('passes whenever its parameters are right, and passes again', () => {
    fc.assert(
      fc.property(anySpace, (given) => {
        const valid = validateSpace(given)
        expect(valid).toEqual(given)
        expect(validateSpace(valid)).toEqual(valid)
      }),
    )
  })

  it('takes steps that meet the upper end but for the rounding of decimals', () => {
    expect(validateSpace({ x: { type: 'double', low: 0.1, high: 0.3, step: 0.2 } })).toHaveProperty('x')
  })
})
