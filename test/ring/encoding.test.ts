import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accumulate, decode, encode, encodings, exactFrom, type EncodingName } from '../../src/ring/encoding.ts'
import { createWorkspace } from '../../src/ring/workspace.ts'
import { bitsOf } from './support.ts'

const space = createWorkspace(4096, 8)
const names = Object.keys(encodings) as EncodingName[]
const finite = fc.array(
  fc.float({ noNaN: true, noDefaultInfinity: true, max: Math.fround(1e30), min: Math.fround(-1e30) }),
  { maxLength: 700 },
)

function roundTrip(name: EncodingName, values: Float32Array, scale = 1, residual?: Float32Array): Float32Array {
  const encoding = encodings[name]
  const range = { start: 0, end: values.length }
  const payload = new Uint8Array(encoding.bytesFor(range))
  encode(space, encoding, range, { own: values, weight: scale, residual }, payload)
  const decoded = new Float32Array(values.length)
  decode(space, encoding, range, payload, decoded)
  return decoded
}

describe.each(names)('%s', (name) => {
  test('encodes a part of a vector into a part of another, and touches nothing else', () => {
    const encoding = encodings[name]
    const source = Float32Array.from({ length: 900 }, (_, i) => i - 300)
    const before = Float32Array.from(source)
    const payload = new Uint8Array(encoding.bytesFor({ start: 0, end: 300 }))
    encode(space, encoding, { start: 100, end: 400 }, { own: source, weight: 1 }, payload)
    const into = new Float32Array(600).fill(7)
    decode(space, encoding, { start: 200, end: 500 }, payload, into)
    expect(source).toEqual(before)
    expect([...into.subarray(0, 200), ...into.subarray(500)].every((value) => value === 7)).toBe(true)
    expect(into[200]).toBeCloseTo(-200, -1)
  })

  test('shows a NaN and an infinity for what they are, or as a NaN', () => {
    for (const odd of [NaN, Infinity, -Infinity]) {
      const values = new Float32Array(300).fill(1)
      values[280] = odd
      const decoded = roundTrip(name, values)
      expect(Number.isFinite(decoded[280])).toBe(false)
      expect(decoded[0]).toBeCloseTo(1, 5)
    }
  })

  test('a NaN in one step does not stay in the residual', () => {
    const residual = new Float32Array(3)
    roundTrip(name, Float32Array.of(NaN, 1, 2), 1, residual)
    expect([...roundTrip(name, Float32Array.of(0, 0, 0), 1, residual)].every(Number.isFinite)).toBe(true)
  })

  test('zeros stay zeros', () => {
    expect(roundTrip(name, new Float32Array(300))).toEqual(new Float32Array(300))
  })
})

test('float32 changes no bit', () => {
  fc.assert(
    fc.property(finite, (list) => {
      const values = Float32Array.from(list)
      expect(bitsOf(roundTrip('float32', values)).equals(bitsOf(values))).toBe(true)
    }),
  )
})

test('bfloat16 rounds to the nearest, ties to even', () => {
  const bits = (word: number): number => new Float32Array(new Uint32Array([word]).buffer)[0] ?? NaN
  const pairs: [number, number][] = [
    [0x3f800000, 0x3f800000],
    [0x3f807fff, 0x3f800000],
    [0x3f808000, 0x3f800000],
    [0x3f808001, 0x3f810000],
    [0x3f818000, 0x3f820000],
    [0xbf818000, 0xbf820000],
    [0x7f7fffff, 0x7f800000],
  ]
  for (const [given, wanted] of pairs) {
    expect(roundTrip('bfloat16', Float32Array.of(bits(given)))[0]).toBe(bits(wanted))
  }
})

test('bfloat16 is within 2^-8 of any number, and encodes what it decoded to the same bits', () => {
  fc.assert(
    fc.property(finite, (list) => {
      const values = Float32Array.from(list)
      const decoded = roundTrip('bfloat16', values)
      for (const [i, value] of values.entries()) {
        expect(Math.abs((decoded[i] ?? NaN) - value)).toBeLessThanOrEqual(Math.abs(value) / 256 + 1e-38)
      }
      expect(bitsOf(roundTrip('bfloat16', decoded)).equals(bitsOf(decoded))).toBe(true)
    }),
  )
})

test("int8 is within half a unit, which is 1/127 of its block's largest", () => {
  fc.assert(
    fc.property(finite, (list) => {
      const values = Float32Array.from(list)
      const decoded = roundTrip('int8', values)
      for (let from = 0; from < values.length; from += 256) {
        const block = values.subarray(from, from + 256)
        const unit = block.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 127
        for (const [i, value] of block.entries()) {
          expect(Math.abs((decoded[from + i] ?? NaN) - value)).toBeLessThanOrEqual(unit * 0.5001 + 1e-35)
        }
      }
    }),
  )
})

test('int8 sends the bytes that its definition gives', () => {
  const toEven = (x: number): number => {
    const down = Math.floor(x)
    if (x - down !== 0.5) return Math.round(x)
    return down % 2 === 0 ? down : down + 1
  }
  fc.assert(
    fc.property(finite, (list) => {
      const values = Float32Array.from(list.slice(0, 256))
      const range = { start: 0, end: values.length }
      const payload = new Uint8Array(encodings.int8.bytesFor(range))
      encode(space, encodings.int8, range, { own: values, weight: 1 }, payload)
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      const unit = Math.fround(largest / 127)
      const inverse = largest > 1e-34 ? Math.fround(1 / unit) : 0
      if (values.length > 0) expect(new Float32Array(payload.buffer, 0, 1)[0]).toBe(unit)
      const wanted = Array.from(values, (value) => toEven(Math.fround(value * inverse)) + 0)
      if (largest > 1e-34) expect([...new Int8Array(payload.buffer, values.length > 0 ? 4 : 0)]).toEqual(wanted)
    }),
  )
})

test('with error feedback the sum of what int8 sends follows the sum of what it was given', () => {
  const length = 512
  const residual = new Float32Array(length)
  const given = new Float64Array(length)
  const sent = new Float64Array(length)
  let unit = 0
  for (let step = 0; step < 100; step += 1) {
    const values = Float32Array.from({ length }, (_, i) => Math.sin(i * 13 + step) * (i % 7 === 0 ? 1 : 0.001))
    const decoded = roundTrip('int8', values, 1, residual)
    for (let i = 0; i < length; i += 1) {
      given[i] = (given[i] ?? 0) + (values[i] ?? 0)
      sent[i] = (sent[i] ?? 0) + (decoded[i] ?? 0)
    }
    unit = 1.01 / 127
  }
  for (let i = 0; i < length; i += 1) expect(Math.abs((given[i] ?? 0) - (sent[i] ?? 0))).toBeLessThanOrEqual(unit)
})

test('what is to be exact is, wherever a range is cut, and the rest is as without it', () => {
  const source = Float32Array.from({ length: 600 }, (_, i) => Math.sin(i) * (1 + i))
  const decoded = (encoding: (typeof encodings)['int8'], range: { start: number; end: number }): Float32Array => {
    const payload = new Uint8Array(encoding.bytesFor(range))
    const residual = new Float32Array(600)
    encode(space, encoding, range, { own: source, weight: 2, residual }, payload)
    const into = new Float32Array(600)
    decode(space, encoding, range, payload, into)
    return into
  }
  const bounds = fc.tuple(fc.nat(600), fc.nat(600), fc.nat(700))
  fc.assert(
    fc.property(fc.constantFrom(...names), bounds, (name, [a, b, split]) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)]
      const at = Math.min(end, Math.max(start, split))
      const all = decoded(exactFrom(encodings[name], split), { start, end })
      expect(all.subarray(start, at)).toEqual(decoded(encodings[name], { start, end: at }).subarray(start, at))
      for (let i = at; i < end; i += 1) expect(all[i]).toBe(Math.fround(2 * (source[i] ?? NaN)))
    }),
  )
})

describe.each(names)('a mixture in %s', (name) => {
  const length = 1200
  const values = (seed: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => Math.sin(seed + i * 0.7) * (1 + (i % 11)))
  /** Where the kernels work, or elsewhere. */
  const inside = Array.from({ length: 4 }, () => space.allocate(length))
  const held = (at: number, isInside: boolean, content: Float32Array): Float32Array => {
    const vector = isInside ? (inside[at] ?? content) : new Float32Array(length)
    vector.set(content)
    return vector
  }
  const encoding = encodings[name]
  const cases = fc.record({
    bounds: fc.tuple(fc.nat(length), fc.nat(length)),
    weight: fc.constantFrom(1, 3, 64),
    factor: fc.constantFrom(1, 1 / 3, 1 / 128),
    isInside: fc.boolean(),
    withPayload: fc.boolean(),
    split: fc.constantFrom(0, 500, length),
  })

  test('is what its parts come to one after the other, wherever they are, and nothing else is touched', () => {
    fc.assert(
      fc.property(cases, ({ bounds: [a, b], weight, factor, isInside, withPayload, split }) => {
        const range = { start: Math.min(a, b), end: Math.max(a, b) }
        const kind = split === length ? encoding : exactFrom(encoding, split)
        const [own, given, lost] = [values(1), values(2), values(3).map((value) => value / 100)]
        const payload = new Uint8Array(kind.bytesFor(range))
        encode(space, kind, range, { own: given, weight: 1 }, payload)
        const decoded = new Float32Array(length)
        decode(space, kind, range, payload, decoded)
        const sum = own.map((value, i) =>
          withPayload
            ? Math.fround(Math.fround(value * weight) + (decoded[i] ?? 0)) * Math.fround(factor)
            : value * weight,
        )
        const wanted = new Uint8Array(kind.bytesFor(range))
        const wantedResidual = Float32Array.from(lost)
        encode(space, kind, range, { own: sum, weight: 1, residual: wantedResidual }, wanted)
        const wantedInto = values(4)
        decode(space, kind, range, wanted, wantedInto)

        const [vector, residual, into] = [held(0, isInside, own), held(1, isInside, lost), held(2, isInside, values(4))]
        const target = new Uint8Array(kind.bytesFor(range))
        // What lay there before has no part in it.
        space.stage(new Uint8Array(4096).fill(0x80))
        const rest = withPayload ? { payload, factor } : {}
        encode(space, kind, range, { own: vector, weight, ...rest, residual, into }, target)
        expect(Buffer.from(target).equals(wanted)).toBe(true)
        expect(bitsOf(into).equals(bitsOf(wantedInto))).toBe(true)
        expect(bitsOf(residual).equals(bitsOf(wantedResidual))).toBe(true)
        expect(vector).toEqual(own)
      }),
    )
  })

  test('without anything of its own is what came', () => {
    const range = { start: 100, end: 1000 }
    const payload = new Uint8Array(encoding.bytesFor(range))
    encode(space, encoding, range, { own: values(1), weight: 1 }, payload)
    const target = new Uint8Array(payload.length)
    space.stage(new Uint8Array(4096).fill(0x80))
    encode(space, encoding, range, { own: undefined, weight: 0, payload }, target)
    expect(Buffer.from(target).equals(payload)).toBe(true)
  })

  test('is added to a sum without being encoded', () => {
    const range = { start: 100, end: 1000 }
    const payload = new Uint8Array(encoding.bytesFor(range))
    encode(space, encoding, range, { own: values(1), weight: 1 }, payload)
    const decoded = new Float32Array(length)
    decode(space, encoding, range, payload, decoded)
    const into = values(2)
    accumulate(space, encoding, range, { own: into, weight: 2, payload, into })
    const wanted = values(2).map((value, i) => (i < 100 || i >= 1000 ? value : 2 * value + (decoded[i] ?? 0)))
    expect(into).toEqual(wanted)
  })
})
