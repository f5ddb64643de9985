/**
 * Whether this process is a member of its ring yet, which collective comes next, and what becomes of a collective that was over
 * before it became one.
 * I1 Every collective has a number, the same on all ranks. Collectives before this member's first are over: they are passed without
 *    the ring, and user code is told what the others were told, out of the record.
 * I2 A newcomer takes over the others' state once it has come to the first collective of its own.
 * I3 A newcomer counts with weight 0 in that first collective: what train has prepared for it by then may rest on weights that are not the
 *    ring's. Where all are newcomers, one of them counts all the same (decideRecovery), or the step would be empty.
 * I4 Members have seats of their own, and so shards of their own, for as long as they are members: no shard is in one step twice.
 * I5 With every collective all ranks see alike whether they are at the same point and hold the same facts; if not, they tell each
 *    other what they hold, and the error names the difference.
 */
import { problem } from '../../protocol/index.ts'
import { createManifest, createRecord, type VariableSpec } from '../ring/index.ts'
import { digestOfText } from './digest.ts'
import { differenceIn, encodeFacts, textOf, type Fact } from './facts.ts'
import { digestMarks, readDigest, writeDigest } from './marks.ts'
import type { Fuse, Replica } from './replica.ts'
import type { Place, RingLink } from './ring-link.ts'

/** A rank's part in a collective. */
interface Contribution {
  /** Vectors of one key have one length. */
  readonly key: string
  /** From `vectorFor`. */
  readonly vector: Float32Array
  /** A weight of 0 counts nothing. */
  readonly weight: number
  /** Elements from this one on lose nothing on their way. Default: all. */
  readonly exactFrom?: number
  /** In words: what this rank does. */
  readonly doing: string
  /** Facts that must be the same on all ranks here. */
  readonly facts?: readonly Fact[]
  /** The elements that user code is told. */
  readonly told?: readonly [from: number, to: number]
}

interface Mean {
  readonly vector: Float32Array
  readonly weight: number
}

export interface Membership {
  /** Undefined until it is a member. */
  readonly place: Place | undefined
  /** Whether it has asked to be a member: from its first collective on. */
  readonly hasBegun: boolean
  /** Whether the next collective was over before this process became a member. */
  readonly skips: boolean
  /** The number of the next collective. */
  readonly next: number
  /** Call it before each collective, and before what leads to one is computed: becomes a member, takes over the others' state. */
  enter(): void
  /** Passes a collective that is over: what it told. */
  pass(): Float64Array
  /** Memory for a vector of so many elements, with room behind them that is this file's. */
  vectorFor(key: string, length: number): Float32Array
  /** The mean over all ranks. Undefined: the collective was over, and is passed. Throws RING_…_DIFFER. */
  reduce(contribution: Contribution): Mean | undefined
  /** The values that user code gets from the collective before, where its mean does not hold them as they are. */
  tell(values: readonly number[]): void
}

type Standing =
  /** Nobody was asked yet. */
  | { readonly kind: 'outside' }
  /** Collectives below `until` may be passed; once it has come to gradient step `step`, or to `until`, it asks again. */
  | { readonly kind: 'catching up'; readonly until: number; readonly step: number }
  | {
      readonly kind: 'member'
      readonly place: Place
      readonly first: number
      /** The ring was at work before. */
      readonly late: boolean
      /** To be taken over at `first`. */
      readonly state: Uint8Array | null
    }

export function createMembership(options: {
  readonly link: RingLink
  readonly replica: Replica
  readonly fuse: Fuse
  /** Gradient steps that it has passed, and the samples of its own in them. */
  readonly progress: () => { readonly step: number; readonly samples: number }
  /** It is about to ask, for the first time: the variables of now come with rank 0's state. */
  readonly onBegin: () => void
}): Membership {
  const { link, replica, fuse, progress, onBegin } = options
  let standing: Standing = { kind: 'outside' }
  let next = 0
  /** As they were at the first collective: the others had these then, too. */
  let variables: VariableSpec[] | undefined
  let chases = 0
  /** Of the collectives that are passed. */
  const record = createRecord()

  function ask(): void {
    if (variables === undefined) onBegin()
    variables ??= replica.specs()
    const { step } = progress()
    const begun = link.join({ manifest: createManifest(variables).hash, variables, step, chases })
    record.take(begun.record)
    if (begun.type === 'ahead') {
      chases += 1
      standing = { kind: 'catching up', until: record.next, step: begun.step }
      return
    }
    // All members that it was to catch up with are dead, and the checkpoint is older.
    if (begun.next < next) throw problem('RING_PASSED', { next: begun.next, collective: next })
    const { place, seats, state } = begun
    standing = { kind: 'member', place, first: begun.next, late: seats === null, state }
    // I4
    if (seats !== null && new Set(seats).size < seats.length)
      throw problem('INTERNAL', { reason: `members of the ring have the same seat: ${seats.join(', ')}` })
  }

  function skips(): boolean {
    if (standing.kind === 'outside') return false
    return next < (standing.kind === 'member' ? standing.first : standing.until)
  }

  function asksNow(): boolean {
    if (standing.kind === 'member') return false
    return standing.kind === 'outside' || !skips() || progress().step >= standing.step
  }

  const placeOf = (): Place | undefined => (standing.kind === 'member' ? standing.place : undefined)

  return {
    get place() {
      return placeOf()
    },
    get hasBegun() {
      return standing.kind !== 'outside'
    },
    get skips() {
      return skips()
    },
    get next() {
      return next
    },
    enter() {
      while (asksNow()) ask()
      if (standing.kind !== 'member' || skips() || standing.state === null) return
      replica.markPassed()
      // I2
      replica.put(standing.state, standing.place.rank)
      standing = { ...standing, state: null }
    },
    pass() {
      replica.markPassed()
      next += 1
      return record.read(next - 1)
    },
    vectorFor: (key, length) => fuse.vectorFor(key, length + digestMarks),
    reduce({ key, vector, weight, exactFrom = 0, doing, facts = [], told }) {
      if (skips()) {
        next += 1
        return undefined
      }
      if (standing.kind !== 'member') throw problem('INTERNAL', { reason: `${doing}, and is no member` })
      const collective = next
      next += 1
      // I3
      const isNew = standing.late && collective === standing.first
      const point: Fact = { kind: 'loop', what: doing, value: '' }
      const all = [point, ...facts]
      const at = vector.length - digestMarks
      writeDigest(digestOfText(textOf(all)), vector, at)
      const got = link.reduce({
        collective,
        vector,
        weight: isNew ? 0 : weight,
        ownWeight: weight,
        key,
        exactFrom,
        ...progress(),
        doing,
        told: told ?? null,
      })
      standing = { ...standing, place: got.place }
      if (got.next !== null) fuse.moveTo(key, got.next)
      // I5
      if (got.weight > 0 && readDigest(got.vector, at) === undefined) {
        const bytes = encodeFacts(isNew ? [] : all)
        throw differenceIn(link.gather({ bytes, doing }), doing)
      }
      return got
    },
    tell(values) {
      link.tell({ type: 'told', values: Float64Array.from(values) })
    },
  }
}
