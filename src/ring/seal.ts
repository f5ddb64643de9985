/**
 * Seals messages between the members of one generation, on subjects that every runner of the tenant may hear or say. The generation's key comes with
 * its plan, from the driver.
 * I1 A member seals a chunk of a step once in a generation: no nonce is used twice with a key.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { Chunk, decodePayload, encodePayload, problem, shard, type PayloadOf } from '../../protocol/index.ts'

type Sealed = PayloadOf<typeof shard>

/** Bytes of the message around a frame, at most. */
export const sealOverhead = 64
const cipher = 'aes-128-gcm'
const tagBytes = 16
const passBytes = 16
const frame = { payload: Chunk, maxBytes: shard.maxBytes }

/** The message to all in which a member tells a chunk, given as its frame. */
export function seal(key: Uint8Array, at: Omit<Sealed, 'sealed'>, bytes: Uint8Array, subject: string): Uint8Array {
  const sealing = createCipheriv(cipher, key, nonceOf(at), { authTagLength: tagBytes })
  const sealed = Buffer.concat([sealing.update(bytes), sealing.final(), sealing.getAuthTag()])
  return encodePayload(shard, { ...at, sealed }, subject)
}

/** Throws RING_CHUNK_CORRUPT for what no member of the generation has sealed. */
export function unseal(key: Uint8Array, { sealed, ...at }: Sealed, subject: string): Chunk {
  const opening = createDecipheriv(cipher, key, nonceOf(at), { authTagLength: tagBytes })
  let bytes: Uint8Array
  try {
    opening.setAuthTag(sealed.subarray(-tagBytes))
    bytes = opening.update(sealed.subarray(0, -tagBytes))
    opening.final()
  } catch (error) {
    throw problem('RING_CHUNK_CORRUPT', { chunk: Object.values(at).join('/') }, { cause: error })
  }
  return decodePayload(frame, bytes, subject)
}

function nonceOf({ from, step, index }: Omit<Sealed, 'sealed'>): Uint8Array {
  const nonce = new DataView(new ArrayBuffer(12))
  for (const [at, number] of [from, step, index].entries()) nonce.setUint32(4 * at, number)
  return new Uint8Array(nonce.buffer)
}

/** A newcomer's proof to a member of the generation: somebody who knows the key has let this worker in. */
export function passOf(
  key: Uint8Array,
  { ring, worker }: { readonly ring: string; readonly worker: string },
): Uint8Array {
  return createHmac('sha256', key).update(`${ring}.${worker}`).digest().subarray(0, passBytes)
}

export function isPass(
  pass: Uint8Array,
  key: Uint8Array,
  who: { readonly ring: string; readonly worker: string },
): boolean {
  return timingSafeEqual(pass, passOf(key, who))
}
