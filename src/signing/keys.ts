/** A user's signing key: ed25519, in a PEM file (PKCS#8) that only the user may read. `openssl genpkey -algorithm ed25519` makes such a file too. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir, hostname, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import { readOwned } from './owned-file.ts'

export interface SigningKey {
  /** The public key, as it travels and as it stands in files of trusted keys. */
  readonly key: string
  /** A signature over a text, as it travels. */
  sign(text: string): string
}

/** Where the key is looked for that nobody names: XDG_CONFIG_HOME/maggy/sign.key, or ~/.config/maggy/sign.key. */
export function defaultKeyFile(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'maggy', 'sign.key')
}

/** Makes a key in a file that was not there. Rejects with KEY_REFUSED. */
export async function newSigningKey(file: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync('ed25519')
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw problem('KEY_REFUSED', { path: file, reason: 'there is such a file already, and it is not written over' })
  }
  return keyOf(privateKey)
}

/** Rejects with KEY_REFUSED. */
export async function readSigningKey(file: string): Promise<SigningKey> {
  const found = await readOwned(file, { mustNot: 0o077, would: 'read or write', maxBytes: 64 * 1024, rootToo: false })
  if (found.kind === 'refused') throw problem('KEY_REFUSED', { path: file, reason: found.reason })
  try {
    const privateKey = createPrivateKey(found.text)
    if (privateKey.asymmetricKeyType === 'ed25519') return keyOf(privateKey)
  } catch {
    // Said below; what OpenSSL says of a file could hold parts of it.
  }
  throw problem('KEY_REFUSED', { path: file, reason: 'it holds no private key of ed25519 in PEM' })
}

/**
 * The key to sign with: of the file that is named, or of the default one if it is there; undefined: the user has none.
 * Rejects with KEY_REFUSED.
 */
export async function findSigningKey(
  named: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<SigningKey | undefined> {
  const file = named ?? environment['MAGGY_SIGN_KEY']
  if (file !== undefined && file !== '') return await readSigningKey(file)
  const own = defaultKeyFile(environment)
  return existsSync(own) ? await readSigningKey(own) : undefined
}

/** The line for files of trusted keys. */
export function trustLine({ key }: SigningKey, name = `${userInfo().username}@${hostname()}`): string {
  return `${key} ${name}`
}

function keyOf(privateKey: KeyObject): SigningKey {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    key: x ?? '',
    sign: (text) => signBytes(null, Buffer.from(text), privateKey).toString('base64url'),
  }
}
