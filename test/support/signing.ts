/** Keys of ed25519 for tests. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import type { SigningKey } from '../../src/signing/index.ts'

/** The key of a private seed of 32 bytes. */
export function keyFrom(seedHex: string): SigningKey {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seedHex, 'hex')])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return {
    key: createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '',
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64url'),
  }
}
