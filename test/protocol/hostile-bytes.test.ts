/** What a peer may send, and what it may cost (G7, G9). */
import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import {
  announce,
  check,
  codeOf,
  conversations,
  decode,
  decodePayload,
  encode,
  encodePayload,
  lease,
  log,
  metrics,
  MaggyError,
  open,
  submit,
  subjectTo,
} from '../../protocol/index.ts'

const faultOf = (work: () => unknown): MaggyError => {
  try {
    work()
  } catch (error) {
    if (error instanceof MaggyError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
const refusal = (bytes: Uint8Array) => faultOf(() => decode(bytes, 'here')).message
const head = (code: number, size: number): number[] => [
  code,
  size >>> 24,
  (size >>> 16) & 255,
  (size >>> 8) & 255,
  size & 255,
]

describe('bytes that are looked at before they are decoded', () => {
  test.each([
    ['a set', new Packr({ moreTypes: true }).pack(new Set([1]))],
    ['a map with keys that are no text', new Packr({ mapsAsObjects: false }).pack(new Map([[{ a: 1 }, 1]]))],
    ['a regular expression', new Packr({ moreTypes: true }).pack(/a/)],
    ['an error', new Packr({ moreTypes: true }).pack(new Error('x'))],
    ['a date', new Packr().pack(new Date(0))],
    ['a big integer', new Packr({ useBigIntExtension: true }).pack(2n ** 80n)],
    ['a cycle', new Packr({ structuredClone: true }).pack(cycle())],
    ['a record', new Packr({ useRecords: true }).pack([{ a: 1 }, { a: 2 }])],
  ])('%s is refused', (_, bytes) => {
    expect(refusal(new Uint8Array(bytes))).toMatch(/extension type|a key is no text/)
  })

  test('lengths are not believed', () => {
    for (const code of [0xdd, 0xdf, 0xdb, 0xc6]) {
      expect(refusal(new Uint8Array(head(code, 0xffff_ffff)))).toContain('cut short')
    }
  })

  test('a message within a message within a message is refused at depth 33', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
    expect(decode(encode(nested(32)))).toEqual(nested(32))
    expect(refusal(new Uint8Array([...Array<number>(33).fill(0x91), 1]))).toContain('deeper than 32')
    expect(codeOf(faultOf(() => encode(nested(33))))).toBe('MESSAGE_INVALID')
  })

  test('8 MB of empty maps cost no more than a look', () => {
    const bytes = new Uint8Array(8 * 2 ** 20).fill(0x80)
    bytes.set(head(0xdd, bytes.length - 5))
    expect(refusal(bytes)).toContain('more than 1048576 values')
  })

  test('a map with a hundred thousand keys is refused, and so is a key of two thousand letters', () => {
    const many = new Packr({ useRecords: false, variableMapSize: true }).pack(
      Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])),
    )
    expect(refusal(new Uint8Array(many))).toContain('more than 8192 keys')
    const long = new Packr({ useRecords: false }).pack({ ['k'.repeat(2000)]: 1 })
    expect(refusal(new Uint8Array(long))).toContain('longer than 1024 bytes')
  })

  test('what is decoded is what would be encoded: any bytes that are taken survive a round', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let value: unknown
        try {
          value = decode(bytes)
        } catch (error) {
          expect(codeOf(error)).toBe('MESSAGE_MALFORMED')
          return
        }
        expect(encode(decode(encode(value)))).toEqual(encode(value))
      }),
      { numRuns: 5000 },
    )
  })
})

describe('limits of conversations', () => {
  test('every one of them has a limit, and its example keeps it', () => {
    for (const conversation of conversations) {
      expect(conversation.maxBytes).toBeGreaterThanOrEqual(encode(conversation.example.payload).length)
      if (conversation.kind === 'call') {
        expect(conversation.maxReplyBytes).toBeGreaterThanOrEqual(encode(conversation.example.reply).length)
      }
    }
  })

  test('what is too large is refused before it is decoded, and before it is sent', () => {
    const bytes = new Uint8Array(lease.maxBytes + 1).fill(0xc1)
    expect(faultOf(() => decodePayload(lease, bytes, 'here'))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
    const info = { ...announce.example.payload.info, labels: {} }
    const large = { ...announce.example.payload, info, ballast: 'x'.repeat(announce.maxBytes) }
    expect(faultOf(() => encodePayload(announce, large, 'here'))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })

  test('a question is said to one peer: no name is a wildcard', () => {
    expect(codeOf(faultOf(() => subjectTo(lease, { worker: '*' })))).toBe('MESSAGE_INVALID')
  })
})

describe('what is wrong is told by its place, and the first fault is enough', () => {
  const context = submit.example.payload.context
  const submission = (change: object) => ({ ...submit.example.payload, context: { ...context, ...change } })
  const told = (change: object) => faultOf(() => check(submit.payload, submission(change), 'submit')).message

  test.each([
    ['/context/hparams/lr is NaN, and not a finite number', { hparams: { lr: Number.NaN } }],
    ['/context/hparams/a\\nb is no name: 1 to 128 printable characters only', { hparams: { 'a\nb': {} } }],
    ['1 to 128 printable characters only', { hparams: { ['x'.repeat(129)]: 1 } }],
    ['/context/optimizer/name is "*"; letters, digits, - and _ only', { optimizer: { name: '*', options: {} } }],
    ['/context/optimizer/name is "a.b"; letters, digits, - and _ only', { optimizer: { name: 'a.b', options: {} } }],
    ['/context/trials is 1.5, and not a whole number', { trials: 1.5 }],
    ['/context/trials is 0; 1 is the least', { trials: 0 }],
    ['/context/seed is missing', { seed: undefined }],
    ['/context/space/lr/type is "float"; there are "double", "integer"', { space: { lr: { type: 'float', low: 0 } } }],
    ['/context/kind is "tuning"; there are "optimization", "ablation", "training"', { kind: 'tuning' }],
    ['/context/policy is 3, and not a map', { policy: 3 }],
    ['/context/objectives has 0 entries; 1 are the least', { objectives: [] }],
    [
      '/context/objectives/0/direction is "up"; there are "minimize", "maximize"',
      { objectives: [{ metric: 'a', direction: 'up' }] },
    ],
    ['/context/notes/0 has 1025 characters; 1024 are the most', { notes: ['x'.repeat(1025)] }],
  ])('%s', (words, change) => {
    expect(told(change)).toContain(words)
  })

  test('an instant that no calendar knows is refused', () => {
    const entry = { events: [{ type: 'experiment.resumed' as const, at: 9e15 }] }
    expect(faultOf(() => check(log.payload, entry, 'log')).message).toContain('/events/0/at is 9000000000000000')
    const point = { step: 0, at: Infinity, values: {} }
    expect(faultOf(() => check(metrics.payload, { attempt: 1, first: 0, points: [point] }, 'm')).message).toContain(
      '/points/0/at is Infinity, and not a finite number',
    )
  })

  test('a message in which everything is wrong is told of by its first fault', () => {
    const observation = { trial: -1, hparams: 'x', state: 0, metrics: [], step: 'no' }
    const payload = { ...open.example.payload, history: Array.from({ length: 60_000 }, () => observation) }
    expect(faultOf(() => check(open.payload, payload, 'open')).message).toContain(
      '/history/0/trial is -1; 0 is the least',
    )
  })

  test('what the schema refuses has a fault that is found, whatever is wrong with it', () => {
    for (const { payload, example } of conversations) {
      fc.assert(
        fc.property(fc.anything({ maxDepth: 3 }), fc.nat(), (junk, pick) => {
          const keys = Object.keys(example.payload as object)
          const key = keys[pick % Math.max(1, keys.length)]
          const value = key === undefined ? junk : { ...(example.payload as object), [key]: junk }
          try {
            check(payload, value, 'here')
          } catch (error) {
            expect((error as MaggyError).message).not.toContain('does not fit the schema')
          }
        }),
        { numRuns: 100 },
      )
    }
  })
})

function cycle(): unknown {
  const ring: { self?: unknown } = {}
  ring.self = ring
  return ring
}
