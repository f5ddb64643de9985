import { expect, it } from 'vitest'
import * as fc from 'fast-check'
import { SubjectIndex } from '../../src/bus/subject-index.ts'
import { subjectMatches } from '../../src/bus/index.ts'

const token = fc.constantFrom('a', 'b', 'c')
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? ['>'] : [])].join('.'))

it('finds the patterns that fit, in the order in which they were added, also after some were removed', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pattern, fc.boolean())), subject, (patterns, asked) => {
      const index = new SubjectIndex<number>()
      const removers = patterns.map(([one], number) => index.add(one, number))
      for (const [number, [, removed]] of patterns.entries()) if (removed) removers[number]?.()
      const left = [...patterns.keys()].filter((number) => patterns[number]?.[1] === false)
      expect(index.matching(asked)).toEqual(left.filter((number) => subjectMatches(patterns[number]?.[0] ?? '', asked)))
    }),
  )
})
