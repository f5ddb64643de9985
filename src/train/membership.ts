/**
 * Whether this process is a member of its ring yet, which collective comes next, and what becomes of a collective that was over
 * before it became one.
 * I1 Every collective has a number, the same on all ranks: collectives before `first` are over, and are passed without the ring.
 * I2 A newcomer takes over the others' state once it has come to the first collective of its own.
 * I3 A newcomer counts with weight 0 in that first collective: its batch was cut before it knew its shard.
 */
import { problem } from '../../protocol/index.ts'
import { createManifest, type VariableSpec } from '../ring/index.ts'
import type { Fuse, Replica } from './replica.ts'
import type { FromRing, Place, RingLink } from './ring-link.ts'

type Reduced = Extract<FromRing, { type: 'reduced' }>

export interface Membership {
  /** Undefined until it is a member. */
  readonly place: Place | undefined
  /** Whether it has asked to be a member: from its first gradient on. */
  readonly hasBegun: boolean
  /** Whether the next collective was over before this process became a member. */
  readonly skips: boolean
  /** The number of the next collective. */
  readonly next: number
  /** Call it before each collective, and before what leads to one is computed: becomes a member, takes over the others' state. */
  enter(): void
  /** Counts a collective that is passed. */
  pass(): void
  /** The mean over all ranks. Undefined: the collective was over, and is passed. */
  reduce(vector: Float32Array, weight: number, key: string, exactFrom?: number): Reduced | undefined
}

export function createMembership(options: {
  readonly link: RingLink
  readonly replica: Replica
  readonly fuse: Fuse
  /** Into how many shards the data are cut. */
  readonly count: number
  /** Gradient steps that it has passed, and the samples of its own in them. */
  readonly progress: () => { readonly step: number; readonly samples: number }
  /** It has another shard from now on. */
  readonly onMove: (index: number) => void
}): Membership {
  const { link, replica, fuse, count, progress, onMove } = options
  let place: Place | undefined
  let next = 0
  /** The first collective that it takes part in. */
  let first = 0
  let waitingState: Uint8Array | null = null
  /** As they were at the first gradient: the others had these then, too. */
  let variables: VariableSpec[] | undefined
  let chases = 0
  /** The ring runs already, and is at this gradient step: what comes before is passed without disturbing it. */
  let chased = 0
  let joinsLate = false

  function begin(): void {
    variables ??= replica.specs()
    const { step } = progress()
    const begun = link.join({ manifest: createManifest(variables).hash, variables, step, chases })
    if (begun.type === 'ahead') {
      chases += 1
      chased = begun.step
      first = Infinity
      return
    }
    // All members that it was to catch up with are dead, and the checkpoint is older.
    if (begun.next < next) throw problem('RING_PASSED', { next: begun.next, collective: next })
    place = begun.place
    chased = 0
    first = begun.next
    waitingState = begun.state
    joinsLate = begun.seats === null
    const { seats } = begun
    // Members that begin together keep the shards they have, if these differ.
    const distinct = seats !== null && new Set(seats.map((seat) => seat % count)).size === seats.length
    if (!distinct) onMove(place.rank)
  }

  const skips = (): boolean => next < first

  return {
    get place() {
      return place
    },
    get hasBegun() {
      return place !== undefined || chased !== 0
    },
    get skips() {
      return skips()
    },
    get next() {
      return next
    },
    enter() {
      if (place === undefined && progress().step >= chased) begin()
      if (skips() || waitingState === null || place === undefined) return
      // I2
      replica.put(waitingState, place.rank)
      waitingState = null
    },
    pass() {
      next += 1
    },
    reduce(vector, weight, key, exactFrom = 0) {
      const collective = next
      next += 1
      if (collective < first) return undefined
      // I3
      const counts = joinsLate && collective === first ? 0 : weight
      const got = link.reduce({ collective, vector, weight: counts, key, exactFrom, ...progress() })
      if (place !== undefined && got.place.generation !== place.generation) onMove(got.place.rank)
      place = got.place
      if (got.next !== null) fuse.moveTo(key, got.next)
      return got
    },
  }
}
