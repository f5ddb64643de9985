import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, codeOf, decode, encode, float32From, withList } from '../../protocol/index.ts'

const codeOfThrown = (work: () => unknown): string | undefined => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return codeOf(error)
  }
}

const plainValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 8 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 8, noNullPrototype: true },
    ),
  ),
})).value

test('any plain value survives encode and decode', () => {
  fc.assert(
    fc.property(plainValue, (value) => {
      expect(decode(encode(value))).toEqual(value)
    }),
  )
})

test('any bytes survive as bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      const back = decode(encode({ data })) as { data: Uint8Array }
      expect(Buffer.compare(back.data, data)).toBe(0)
    }),
  )
})

test('random bytes decode to something or are malformed, and nothing else happens', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      expect(['no error', 'MESSAGE_MALFORMED']).toContain(codeOfThrown(() => decode(data)))
    }),
    { numRuns: 2_000 },
  )
})

test('I1: a typed array other than Uint8Array is refused wherever it hides, and so is all that is not plain', () => {
  for (const value of [
    new Float32Array(2),
    new Int32Array(2),
    new DataView(new ArrayBuffer(2)),
    new Map(),
    new Date(0),
    () => {},
    10n,
  ]) {
    expect(codeOfThrown(() => encode({ deep: [{ value }] }))).toBe('MESSAGE_INVALID')
  }
})

test('what is nested without end is refused, not followed', () => {
  const loop: { self?: unknown } = {}
  loop.self = loop
  expect(codeOfThrown(() => encode(loop))).toBe('MESSAGE_INVALID')
})

test('a field that is undefined is left out', () => {
  expect(decode(encode({ a: 1, b: undefined }))).toEqual({ a: 1 })
})

test('whole numbers stay whole and fractions stay exact, beyond 32 bits too', () => {
  for (const value of [0, -1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, -(2 ** 40), 0.1, 1e300, -2.5]) {
    expect(decode(encode(value))).toBe(value)
  }
})

test('I2: float32 values come out of bytes at any alignment, and share no memory with them', () => {
  const values = Float32Array.from([1.5, -2.25, 3e10])
  for (let offset = 0; offset < 4; offset += 1) {
    for (const whole of [new Uint8Array(12 + offset), Buffer.alloc(12 + offset)]) {
      whole.set(bytesOf(values), offset)
      const unaligned = whole.subarray(offset)
      const copy = float32From(unaligned)
      unaligned.fill(0)
      expect([...copy]).toEqual([...values])
    }
  }
})

test('a float32 view travels as its own bytes, not as those of the whole buffer', () => {
  const view = Float32Array.from([1, 2, 3, 4]).subarray(1, 3)
  expect([...float32From(bytesOf(view))]).toEqual([2, 3])
})

test('a map from outside with an entry __proto__ changes no object but itself', () => {
  // {"a": {"__proto__": {"polluted": 1}}, "constructor": {"prototype": {"polluted": 1}}}
  const inner = Buffer.concat([Buffer.from([0x81, 0xa8]), Buffer.from('polluted'), Buffer.from([1])])
  const proto = Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from('__proto__'), inner])
  const bytes = Buffer.concat([Buffer.from([0x81, 0xa1]), Buffer.from('a'), proto])
  const { a } = decode(bytes) as { a: Record<string, unknown> }
  expect(Object.getPrototypeOf(a)).toBe(Object.prototype)
  expect(a['polluted']).toBeUndefined()
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  const names = ['constructor', 'hasOwnProperty', 'toString']
  const values = Object.fromEntries(names.map((name) => [name, name]))
  expect(decode(encode(values))).toEqual(values)
})

test.each([1, 15, 16, 300, 7000])('a list of %i encoded values is as if all had been encoded at once', (count) => {
  const values = Array.from({ length: count }, (_, index) => ({ index, name: `n${index}`, more: [null, 1.5] }))
  const entry = withList(
    encode({ first: 7, events: [] }),
    values.map((value) => encode(value)),
  )
  expect(Buffer.compare(entry, encode({ first: 7, events: values }))).toBe(0)
})

test('values are put into a list only where one stands', () => {
  expect(codeOfThrown(() => withList(encode({ first: 7 }), []))).toBe('INTERNAL')
})
