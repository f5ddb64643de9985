/**
 * Whether all ranks were given the same data: numbers that stand for it travel behind a gradient, and their spread over the ranks
 * says so. All ranks read the same reduced numbers, and so come to the same conclusion.
 * A rank learns more of the data while datasets are read, some ranks a moment before others. The numbers are compared only while all
 * ranks know equally much.
 */
import { problem } from '../../../protocol/index.ts'
import { deriveSeed } from '../../random/index.ts'
import { sketchLength, type Sketch } from './sketch.ts'

export interface Agreement {
  /** Elements that it takes in a vector whose mean over all ranks is to be formed. */
  readonly length: number
  /** `event`: names this piece of knowledge, by the same name on all ranks. */
  learn(part: string, event: string, sketch: Sketch): void
  /** Into the elements of a vector of this rank's. */
  write(into: Float32Array): void
  /** The means over all ranks. Throws DATASET_DIFFERS. */
  check(means: Float32Array): void
}

/** Parts are told apart in so many groups. */
const slots = 8
const numbers = slots * sketchLength
/** A rank's knowledge is a number of so many bits. Each bit travels by itself: where its mean is neither 0 nor 1, ranks differ. */
const bits = 16
/** Numbers that are as large as 1, and differ by less, are the same: they were computed on several hosts. */
const tolerance = 4e-3

export function createAgreement(): Agreement {
  const parts = new Map<string, [number, number]>()
  let known = 0

  const slotOf = (part: string): number => deriveSeed(part) % slots
  const values = (): number[] => {
    const sums = Array.from({ length: numbers }, () => 0)
    for (const [part, sketch] of parts) {
      for (const [of, value] of sketch.entries()) {
        const at = slotOf(part) * sketchLength + of
        sums[at] = (sums[at] ?? 0) + value
      }
    }
    return sums
  }

  return {
    length: bits + 2 * numbers,
    learn: (part, event, sketch) => {
      const before = parts.get(part) ?? [0, 0]
      // Halved, so that what was said long ago does not hide a difference of now.
      parts.set(part, [before[0] / 2 + sketch[0], before[1] / 2 + sketch[1]])
      known = (known + deriveSeed(part, event)) % 2 ** bits
    },
    write: (into) => {
      for (let bit = 0; bit < bits; bit += 1) into[bit] = (known >> bit) & 1
      for (const [at, value] of values().entries()) {
        into[bits + 2 * at] = value
        into[bits + 2 * at + 1] = value * value
      }
    },
    check: (means) => {
      const alike = (mean: number): boolean => Math.min(mean, 1 - mean) < 1e-6
      if (!means.subarray(0, bits).every(alike)) return
      const differs = Array.from({ length: numbers }, (_, at) => at).find((at) => {
        const mean = means[bits + 2 * at] ?? 0
        const variance = (means[bits + 2 * at + 1] ?? 0) - mean * mean
        return Math.sqrt(Math.max(0, variance)) > tolerance * Math.max(1, Math.abs(mean))
      })
      if (differs === undefined) return
      const named = [...parts.keys()].filter((part) => slotOf(part) === Math.floor(differs / sketchLength))
      throw problem('DATASET_DIFFERS', { part: named.join(' or ') })
    },
  }
}
