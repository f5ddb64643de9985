/**
 * Bits that every rank adds to a vector whose mean is taken, by which all ranks see alike whether all sent the same: a bit travels as
 * 1 or -1, so the mean of equal ones is still 1 or -1, and of different ones lies between, whatever the ranks' weights are.
 */

/** A rank whose share of the weight is below half of this is not heard. */
const tolerance = 1e-4

/** 32 bits. */
export const digestMarks = 32
/** A number's 64 bits. */
export const numberMarks = 64

const number = new Float64Array(1)
const words = new Uint32Array(number.buffer)

function writeWord(word: number, into: Float32Array, offset: number): void {
  for (let bit = 0; bit < 32; bit += 1) into[offset + bit] = ((word >>> bit) & 1) === 1 ? 1 : -1
}

/** Undefined: the ranks differ. */
function readWord(from: Float32Array, offset: number): number | undefined {
  let word = 0
  for (let bit = 0; bit < 32; bit += 1) {
    const mean = from[offset + bit] as number
    // Not the other way round, for it may be NaN.
    if (!(Math.abs(mean) > 1 - tolerance)) return undefined
    if (mean > 0) word |= 1 << bit
  }
  return word >>> 0
}

export const writeDigest = writeWord
export const readDigest = readWord

export function writeNumber(value: number, into: Float32Array, offset: number): void {
  // One NaN, for there are many.
  number[0] = Number.isNaN(value) ? NaN : value
  writeWord(words[0] as number, into, offset)
  writeWord(words[1] as number, into, offset + 32)
}

/** The number that all ranks sent, to the bit. Undefined: they differ. */
export function readNumber(from: Float32Array, offset: number): number | undefined {
  const low = readWord(from, offset)
  const high = readWord(from, offset + 32)
  if (low === undefined || high === undefined) return undefined
  words[0] = low
  words[1] = high
  return number[0]
}
