/**
 * The ring's arithmetic, without I/O: which rank sends which part to which rank.
 * A vector is cut into one segment a rank, a segment into chunks. Reduce-scatter, hop h: rank r sends segment r - h to rank r + 1 and
 * adds its own values to segment r - h - 1, which comes from rank r - 1; after N - 1 hops it owns segment r + 1, fully reduced.
 * All-gather, hop h: rank r sends segment r + 1 - h and takes segment r - h as it is. All modulo N.
 * Patarasuk, Yuan: Bandwidth optimal all-reduce algorithms for clusters of workstations (2009).
 */

/** Elements `start` to `end`, without `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

export type Phase = 'reduce' | 'gather'

/** Segments of lengths that differ by one element at most; the first ones are the longer. */
export function segmentAt(length: number, members: number, segment: number): Range {
  const least = Math.floor(length / members)
  const longer = length % members
  const start = segment * least + Math.min(segment, longer)
  return { start, end: start + least + (segment < longer ? 1 : 0) }
}

/** How many chunks a range has: none if it is empty. */
export function chunkCount({ start, end }: Range, chunkElements: number): number {
  return Math.ceil((end - start) / chunkElements)
}

/**
 * Elements of a chunk, the same on all ranks: as few chunks as keep each within `limit` bytes, and these of nearly one length, for
 * each message costs much, whatever it carries. Whole groups of elements, where that many fit.
 */
export function chunkElementsFor(
  length: number,
  members: number,
  limit: number,
  group: number,
  bytesFor: (range: Range) => number,
): number {
  const segments = Array.from({ length: members }, (_, index) => segmentAt(length, members, index))
  const longest = Math.ceil(length / members)
  const fits = (elements: number): boolean =>
    segments.every((segment) =>
      Array.from({ length: chunkCount(segment, elements) }, (_, index) => chunkAt(segment, elements, index)).every(
        (range) => bytesFor(range) <= limit,
      ),
    )
  for (let count = Math.max(1, ...segments.map((segment) => Math.ceil(bytesFor(segment) / limit))); ; count += 1) {
    const even = Math.max(1, Math.ceil(longest / count))
    const whole = even < group ? even : group * Math.ceil(even / group)
    if (even === 1 || fits(whole)) return whole
  }
}

/** The part of a range that chunk `index` carries. */
export function chunkAt({ start, end }: Range, chunkElements: number, index: number): Range {
  const from = start + index * chunkElements
  return { start: from, end: Math.min(end, from + chunkElements) }
}

const modulo = (value: number, members: number): number => ((value % members) + members) % members

export const hops = (members: number): number => members - 1
export const successorOf = (rank: number, members: number): number => modulo(rank + 1, members)
export const predecessorOf = (rank: number, members: number): number => modulo(rank - 1, members)

/** The segment that a rank sends to its successor in a hop. */
export function segmentSent(rank: number, members: number, phase: Phase, hop: number): number {
  return modulo(phase === 'reduce' ? rank - hop : rank + 1 - hop, members)
}

/** The segment that a rank receives from its predecessor in a hop. */
export function segmentReceived(rank: number, members: number, phase: Phase, hop: number): number {
  return segmentSent(rank - 1, members, phase, hop)
}

/** The segment whose reduction ends at a rank of a ring. */
export const segmentOwned = (rank: number, members: number): number => modulo(rank + 1, members)
