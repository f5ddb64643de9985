/** The client's signature under what it hands over, and a fresh one in the place of one that expires. */
import { problem, signExperiment, type Signature, type Submission } from '../../protocol/index.ts'
import { ask, type Bus } from '../bus/index.ts'
import { defaultValidityMs, faultOfSignature, findSigningKey, signatureOf, signed } from '../signing/index.ts'

export interface SigningOptions {
  /** The file of the key to sign with. Default: MAGGY_SIGN_KEY, or the user's own (`maggy key new`); without one it is not signed. */
  readonly signKey?: string
  /** How long workers may begin trials by this signature, in days. Default: 30. */
  readonly signForDays?: number
}

const dayMs = 24 * 3_600_000
const answerMs = 10_000

/** Signs what is to be submitted, if the user has a key. Rejects with KEY_REFUSED, OPTION_INVALID. */
export async function signedByUser(submission: Submission, options: SigningOptions): Promise<Submission> {
  const validityMs = validityOf(options)
  const key = await findSigningKey(options.signKey)
  return signed(submission, key, Date.now() + validityMs)
}

/**
 * Signs anew what this very key had signed, if that signature has expired or soon will. What somebody else signed, or nobody, is not
 * signed by that: to resume an experiment says nothing of whose code it is.
 */
export async function signAgain(bus: Bus, submission: Submission, options: SigningOptions): Promise<boolean> {
  const validityMs = validityOf(options)
  const { signature, experiment } = submission
  if (signature === undefined || signature.expiresAt > Date.now() + validityMs / 2) return false
  const key = await findSigningKey(options.signKey)
  if (key === undefined || key.key !== signature.key || faultOfSignature(submission) !== undefined) return false
  const fresh = signatureOf(submission, key, Date.now() + validityMs)
  if (fresh === undefined) return false
  await ask(bus, signExperiment, { experiment }, { signature: fresh }, { timeoutMs: answerMs })
  return true
}

/** A signature of a changed submission, by the key that signed it before. Rejects with CHANGE_UNSIGNED where that key is not here. */
export async function signChange(changed: Submission, by: string, options: SigningOptions): Promise<Signature> {
  const validityMs = validityOf(options)
  const key = await findSigningKey(options.signKey)
  const fresh = key?.key === by ? signatureOf(changed, key, Date.now() + validityMs) : undefined
  if (fresh !== undefined) return fresh
  throw problem('CHANGE_UNSIGNED', { experiment: changed.experiment, key: by })
}

function validityOf({ signForDays }: SigningOptions): number {
  if (signForDays === undefined) return defaultValidityMs
  if (Number.isFinite(signForDays) && signForDays > 0 && signForDays <= 3650) return signForDays * dayMs
  throw problem('OPTION_INVALID', { option: '--sign-for', reason: `${signForDays} is no number of days up to 3650` })
}
