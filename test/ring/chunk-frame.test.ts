import { createCipheriv } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { assert, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk, check, decode, encode, shard, type Chunk } from '../../protocol/index.ts'
import { createWorkspace } from '../../src/ring/workspace.ts'
import { chunkFrame, frameOverhead, requireIntact, type ChunkHead } from '../../src/ring/chunk-frame.ts'
import { seal, unseal } from '../../src/ring/seal.ts'

const space = createWorkspace(2 ** 16, 1)
const head: ChunkHead = { generation: 2, step: 7, phase: 'reduce', hop: 1, index: 3, from: 0, length: 99, weight: 64 }

function framed(data: Uint8Array, of: ChunkHead = head): Uint8Array {
  const frame = chunkFrame(space, new Uint8Array(data.length + frameOverhead), of, data.length)
  frame.data.set(data)
  return frame.seal()
}

/** As protocol/ring.ts has it, word by word. */
function checksumBy(definition: Chunk): number {
  const { generation, step, phase, hop, index, from, length, weight, data } = definition
  const lanes = Array.from({ length: 16 }, () => 0)
  const padded = Buffer.concat([data, Buffer.alloc((64 - (data.length % 64)) % 64)])
  for (let at = 0; at < padded.length; at += 4) {
    const lane = (at / 4) % 16
    lanes[lane] = (Math.imul(lanes[lane] ?? 0, 16_777_619) + padded.readUInt32LE(at)) >>> 0
  }
  const phases = ['reduce', 'gather', 'broadcast', 'exchange']
  const tail = Buffer.alloc(40 + 64)
  const words = [data.length, generation, step, phases.indexOf(phase), hop, index, from, length]
  for (const [at, word] of words.entries()) tail.writeUInt32BE(word, 4 * at)
  tail.writeDoubleBE(weight, 32)
  for (const [at, word] of lanes.entries()) tail.writeUInt32BE(word, 40 + 4 * at)
  return crc32(tail)
}

describe('a chunk', () => {
  // Around a group of 64 bytes, and around a block of 65,536.
  it.each([0, 1, 63, 64, 65, 4096, 65_535, 65_536, 65_537, 200_000])(
    'of %i bytes has the checksum that the protocol defines, and is an ordinary message',
    (bytes) => {
      const data = Uint8Array.from({ length: bytes }, (_, at) => (at * 167 + (at >> 8)) & 0xff)
      const received = decode(framed(data)) as Chunk
      expect({ ...received, data: new Uint8Array(received.data) }).toEqual({
        ...head,
        checksum: checksumBy({ ...head, checksum: 0, data }),
        data,
      })
      requireIntact(space, received)
    },
  )

  it('in the example of the protocol is intact', () => {
    const { payload } = chunk.example
    requireIntact(space, payload)
    expect(payload.checksum).toBe(checksumBy(payload))
  })

  it('that is told to all is sealed as the protocol says, and opened with the same key only', () => {
    const key = new Uint8Array(16).fill(5)
    const at = { from: 1, step: 2 ** 32 + 7, index: 3 }
    const bytes = encode(chunk.example.payload)
    const message = check(shard.payload, decode(seal(key, at, bytes, 'test')), 'test')
    const nonce = Buffer.from('000000010000000700000003', 'hex')
    const cipher = createCipheriv('aes-128-gcm', key, nonce)
    const expected = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
    expect({ ...message, sealed: Buffer.from(message.sealed) }).toEqual({ ...at, sealed: expected })
    expect(encode(unseal(key, message, 'test'))).toEqual(bytes)
    const refused = [
      () => unseal(new Uint8Array(16), message, 'test'),
      () => unseal(key, { ...message, step: 7 + 1 }, 'test'),
      () => unseal(key, { ...message, sealed: new Uint8Array(3) }, 'test'),
      () => unseal(key, { ...message, sealed: new Uint8Array(message.sealed).fill(1, 4, 5) }, 'test'),
    ]
    for (const attempt of refused) expect(attempt).toThrow(expect.objectContaining({ code: 'RING_CHUNK_CORRUPT' }))
  })

  it('is known to be damaged, whichever bit is', () => {
    const data = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 31) & 0xff)
    const whole = decode(framed(data)) as Chunk
    assert(
      property(nat(data.length * 8 - 1), (bit) => {
        const damaged = new Uint8Array(data)
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(() => {
          requireIntact(space, { ...whole, data: damaged })
        }).toThrow(/damaged/)
      }),
    )
    for (const change of [
      { step: 8 },
      { from: 1 },
      { weight: 63 },
      { data: data.subarray(0, -1) },
      { phase: 'gather' as const },
    ]) {
      expect(() => {
        requireIntact(space, { ...whole, ...change })
      }).toThrow(/damaged/)
    }
  })
})
