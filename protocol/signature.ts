/** A key and a signature, as they travel. */
import { Type } from 'typebox'
import { Instant } from './common.ts'

/** A public key of ed25519: its 32 bytes in base64url, without padding. */
export const PublicKey = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })

export const Signature = Type.Object({
  /** Whose it is. */
  key: PublicKey,
  /** No trial begins by it after this instant. */
  expiresAt: Instant,
  /** The 64 bytes of ed25519 (RFC 8032) over the statement (signing.ts), in base64url, without padding. */
  value: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
})
export type Signature = Type.Static<typeof Signature>
