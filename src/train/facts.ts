/** Facts that must be the same on all ranks, in words, and the error that names the first difference. */
import { Type } from 'typebox'
import { check, decode, encode, problem, type MaggyError } from '../../protocol/index.ts'

export interface Fact {
  /** loop: how far the training loop is. decision: what user code has set. variable: the digest of a variable. */
  readonly kind: 'loop' | 'decision' | 'variable'
  readonly what: string
  readonly value: number | string
}

const Facts = Type.Array(
  Type.Object({
    kind: Type.Union([Type.Literal('loop'), Type.Literal('decision'), Type.Literal('variable')]),
    what: Type.String(),
    value: Type.Union([Type.Number(), Type.String()]),
  }),
)

export const textOf = (facts: readonly Fact[]): string => facts.map(({ what, value }) => `${what} ${value}`).join('\n')

export const encodeFacts = (facts: readonly Fact[]): Uint8Array => encode(facts.map((fact) => ({ ...fact })))

/** `told`: by rank; a rank that told nothing is left out. `when`: which collective found it. */
export function differenceIn(told: readonly Uint8Array[], when: string): MaggyError {
  const ranks = told
    .map((bytes, rank) => ({ rank, facts: check(Facts, decode(bytes), 'ring.exchange') as readonly Fact[] }))
    .filter(({ facts }) => facts.length > 0)
  const [first, ...others] = ranks
  for (const other of others) {
    const count = Math.max(first?.facts.length ?? 0, other.facts.length)
    for (let at = 0; at < count; at += 1) {
      const [mine, theirs] = [first?.facts[at], other.facts[at]]
      if (mine?.what === theirs?.what && mine?.value === theirs?.value) continue
      return named(first?.rank ?? 0, mine, other.rank, theirs, when)
    }
  }
  // The ranks that differed are gone meanwhile.
  return problem('RING_DECISIONS_DIFFER', {
    when,
    what: 'something that it was not told',
    rank: 'one',
    value: 'unknown',
    otherRank: 'another',
    otherValue: 'unknown',
  })
}

function named(
  rank: number,
  mine: Fact | undefined,
  otherRank: number,
  theirs: Fact | undefined,
  when: string,
): MaggyError {
  const kind = mine?.kind ?? theirs?.kind
  if (kind === 'variable' && mine?.what === theirs?.what) {
    return problem('RING_REPLICAS_DIFFER', { when, variable: mine?.what ?? '?', rank, otherRank })
  }
  const say = (fact: Fact | undefined) => (fact === undefined ? 'nothing' : `${fact.what} ${fact.value}`)
  if (kind === 'loop') {
    return problem('RING_LOOPS_DIFFER', { rank, doing: say(mine), otherRank, otherDoing: say(theirs) })
  }
  const same = mine?.what === theirs?.what
  return problem('RING_DECISIONS_DIFFER', {
    when,
    what: mine?.what ?? theirs?.what ?? '?',
    rank,
    value: same ? (mine?.value ?? 'nothing') : say(mine),
    otherRank,
    otherValue: same ? (theirs?.value ?? 'nothing') : say(theirs),
  })
}
