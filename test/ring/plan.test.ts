import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  chunkAt,
  chunkCount,
  chunkElementsFor,
  hops,
  segmentAt,
  segmentOwned,
  segmentReceived,
  segmentSent,
  successorOf,
} from '../../src/ring/index.ts'

const ring = fc.record({ members: fc.integer({ min: 1, max: 16 }), length: fc.integer({ min: 0, max: 400 }) })
const ranks = (members: number): number[] => Array.from({ length: members }, (_, rank) => rank)

describe('the plan of a ring, for any number of members up to 16 and any length', () => {
  test('segments cover the vector, each element once, in order', () => {
    fc.assert(
      fc.property(ring, ({ members, length }) => {
        const covered = ranks(members).flatMap((at) => {
          const { start, end } = segmentAt(length, members, at)
          return Array.from({ length: end - start }, (_, i) => start + i)
        })
        expect(covered).toEqual(Array.from({ length }, (_, i) => i))
      }),
    )
  })

  test('chunks cover a segment, each element once, in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 64 }), (length, elements) => {
        const range = { start: 7, end: 7 + length }
        const covered = Array.from({ length: chunkCount(range, elements) }, (_, i) => chunkAt(range, elements, i))
        expect(covered.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))).toEqual(
          Array.from({ length }, (_, i) => 7 + i),
        )
        expect(covered.every(({ start, end }) => end > start && end - start <= elements)).toBe(true)
      }),
    )
  })

  test('chunks carry no more bytes than they may, and there is none that could be spared', () => {
    const group = 16
    const sizes = fc.record({
      length: fc.integer({ min: 0, max: 3000 }),
      members: fc.integer({ min: 1, max: 8 }),
      limit: fc.integer({ min: 8, max: 2000 }),
      bytes: fc.constantFrom(1, 2, 4),
    })
    fc.assert(
      fc.property(sizes, ({ length, members, limit, bytes }) => {
        const bytesFor = ({ start, end }: { start: number; end: number }): number => bytes * (end - start)
        const elements = chunkElementsFor(length, members, limit, group, bytesFor)
        for (const index of ranks(members)) {
          const segment = segmentAt(length, members, index)
          for (let at = 0; at < chunkCount(segment, elements); at += 1) {
            expect(bytesFor(chunkAt(segment, elements, at))).toBeLessThanOrEqual(limit)
          }
        }
        const longest = Math.ceil(length / members)
        const spared = Math.ceil(longest / Math.max(1, Math.ceil(longest / elements) - 1))
        if (longest > elements) expect(bytes * group * Math.ceil(spared / group)).toBeGreaterThan(limit)
      }),
    )
  })

  test('a chunk has an element at least, and what travels exactly may be as long as it likes', () => {
    expect(chunkElementsFor(10, 2, 4, 256, ({ start, end }) => 5 * (end - start))).toBe(1)
    // Ten elements of a hundred take fifty bytes each.
    const bytesFor = ({ start, end }: { start: number; end: number }): number =>
      Math.max(0, end - Math.max(start, 90)) * 50 + (end - start)
    const elements = chunkElementsFor(100, 1, 300, 256, bytesFor)
    const chunks = Array.from({ length: chunkCount({ start: 0, end: 100 }, elements) }, (_, at) =>
      bytesFor(chunkAt({ start: 0, end: 100 }, elements, at)),
    )
    expect(Math.max(...chunks)).toBeLessThanOrEqual(300)
  })

  test('every element is reduced exactly once from each rank, and reaches every rank', () => {
    fc.assert(
      fc.property(ring, ({ members, length }) => {
        // Whose values each rank's copy of each segment holds, followed through all hops at once.
        const held = ranks(members).map((rank) => ranks(members).map(() => [rank]))
        for (let hop = 0; hop < hops(members); hop += 1) {
          const sent = ranks(members).map((rank) => {
            const segment = segmentSent(rank, members, 'reduce', hop)
            return { segment, ranks: held[rank]?.[segment] ?? [] }
          })
          for (const rank of ranks(members)) {
            const to = successorOf(rank, members)
            const { segment, ranks: from } = sent[rank] ?? { segment: -1, ranks: [] }
            expect(segmentReceived(to, members, 'reduce', hop)).toBe(segment)
            held[to]?.[segment]?.push(...from)
          }
        }
        const final = ranks(members).map((): (number[] | undefined)[] => ranks(members).map(() => undefined))
        for (const rank of ranks(members)) {
          const owned = segmentOwned(rank, members)
          const from = held[rank]?.[owned] ?? []
          expect(from.toSorted((a, b) => a - b)).toEqual(ranks(members))
          const mine = final[rank]
          if (mine) mine[owned] = from
        }
        for (let hop = 0; hop < hops(members); hop += 1) {
          const sent = ranks(members).map((rank) => {
            const segment = segmentSent(rank, members, 'gather', hop)
            return { segment, ranks: final[rank]?.[segment] }
          })
          for (const rank of ranks(members)) {
            const to = successorOf(rank, members)
            const { segment, ranks: from } = sent[rank] ?? { segment: -1, ranks: undefined }
            expect(from).toBeDefined()
            const theirs = final[to]
            if (theirs) theirs[segment] = from
          }
        }
        for (const segments of final) for (const from of segments) expect(from).toHaveLength(members)
        expect(length).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test("a rank sends 2(N - 1)/N of the vector, but for each segment's odd element", () => {
    fc.assert(
      fc.property(ring, ({ members, length }) => {
        for (const rank of ranks(members)) {
          let sent = 0
          for (const phase of ['reduce', 'gather'] as const) {
            for (let hop = 0; hop < hops(members); hop += 1) {
              const { start, end } = segmentAt(length, members, segmentSent(rank, members, phase, hop))
              sent += end - start
            }
          }
          expect(Math.abs(sent - (2 * hops(members) * length) / members)).toBeLessThanOrEqual(2)
        }
      }),
    )
  })
})
