/** Signed code: keys, signatures over submissions, and what a worker that trusts few lets in. */
export { followTrust } from './follow-trust.ts'
export { createGate, type Gate } from './gate.ts'
export { defaultKeyFile, findSigningKey, newSigningKey, readSigningKey, trustLine, type SigningKey } from './keys.ts'
export { defaultValidityMs, faultOfSignature, signatureOf, signed, signedOf } from './signature.ts'
export { readTrust, type Trust } from './trust.ts'
