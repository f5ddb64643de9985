/** Signing a submission, and checking that a signature is of just this submission. */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'
import {
  canonical,
  problem,
  statementOf,
  termsOf,
  type Context,
  type MaggyError,
  type Signable,
  type Signature,
  type Signed,
  type Submission,
  type Terms,
} from '../../protocol/index.ts'
import type { SigningKey } from './keys.ts'

/** How long a signature is good for unless somebody says otherwise: 30 days. */
export const defaultValidityMs = 30 * 24 * 3_600_000

/** The signature of an experiment that has code. */
export function signatureOf(submission: Submission, key: SigningKey, expiresAt: number): Signature | undefined {
  const statement = statementAbout(submission, expiresAt)
  return statement === undefined ? undefined : { key: key.key, expiresAt, value: key.sign(statement) }
}

/** The submission with its signature. What has no code of its own is left as it is: nothing of it would be run. */
export function signed(submission: Submission, key: SigningKey | undefined, expiresAt: number): Submission {
  const signature = key === undefined ? undefined : signatureOf(submission, key, expiresAt)
  return signature === undefined ? submission : { ...submission, signature }
}

/** The fault of a submission's signature; undefined: it has none, or there is no signature. */
export function faultOfSignature(submission: Submission, signature = submission.signature): MaggyError | undefined {
  if (signature === undefined) return undefined
  const { experiment } = submission
  const invalid = (reason: string) => problem('SIGNATURE_INVALID', { experiment, reason })
  const statement = statementAbout(submission, signature.expiresAt)
  if (statement === undefined) return invalid('it has no code that could be signed')
  return isOf(signature, statement) ? undefined : invalid('another submission was signed, or with another key')
}

/** Goes with each assignment of a signed submission. */
export function signedOf({ context, signature }: Submission): Signed | undefined {
  return signature === undefined ? undefined : { terms: termsIn(context), signature }
}

/** Whether a signature is of this statement. */
export function isOf({ key, value }: Signature, statement: string): boolean {
  return verify(null, Buffer.from(statement), publicKeyOf(key), Buffer.from(value, 'base64url'))
}

function statementAbout({ experiment, contextName, bundle, context }: Submission, expiresAt: number) {
  if (bundle === undefined) return undefined
  const signable: Signable = { experiment, contextName, bundle, terms: termsIn(context), expiresAt }
  return statementOf(signable)
}

const known = new WeakMap<Context, Terms>()

/** A context may hold a long history: its hash is made once. */
function termsIn(context: Context): Terms {
  let terms = known.get(context)
  if (terms === undefined) {
    terms = termsOf(context, createHash('sha256').update(canonical(context)).digest('hex'))
    known.set(context, terms)
  }
  return terms
}

/** Any 32 bytes are taken for a key: one that is no point of the curve verifies nothing. */
function publicKeyOf(key: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' })
}
