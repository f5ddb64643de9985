import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { canonical, statementOf, termsOf, type Submission } from '../../protocol/index.ts'
import { signingExample } from '../../protocol/signing.ts'
import { faultOfSignature, signatureOf, signed } from '../../src/signing/index.ts'
import { keyFrom } from '../support/signing.ts'

const submission: Submission = {
  experiment: signingExample.experiment,
  name: 'mnist',
  contextName: signingExample.contextName,
  context: structuredClone(signingExample.context),
  bundle: { ...signingExample.bundle },
}
const { signature } = signingExample
const key = keyFrom(signingExample.seedHex)

test('the example of the protocol is what is signed here, byte for byte', () => {
  const example = JSON.parse(
    readFileSync(new URL('../../protocol/signature-example.json', import.meta.url), 'utf8'),
  ) as { statement: string }
  expect(signatureOf(submission, key, signature.expiresAt)).toEqual(signature)
  const pkcs8 = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(signingExample.seedHex, 'hex'),
  ])
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  expect(sign(null, Buffer.from(example.statement), privateKey).toString('base64url')).toBe(signature.value)
})

test('canonical JSON is that of RFC 8785', () => {
  // The example of its section 3.2.3, and numbers of its appendix B.
  const given = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  }
  expect(Object.values(JSON.parse(canonical(given)) as object).slice(1)).toEqual([
    'Carriage Return',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ])
  expect(canonical({ b: [1e21, 0.000001, -0, Number('333333333.33333329')], a: { y: null, x: undefined } })).toBe(
    '{"a":{"y":null},"b":[1e+21,0.000001,0,333333333.3333333]}',
  )
})

test('a submission without code is not signed', () => {
  const { bundle: _, ...without } = submission
  expect(signed(without, key, 1)).toEqual(without)
  expect(faultOfSignature({ ...without, signature })?.code).toBe('SIGNATURE_INVALID')
})

const space = { lr: { type: 'double' as const, low: 0.0001, high: 1, log: true } }
test.each<[string, Partial<Submission>]>([
  ['another experiment', { experiment: 'mnist-tune-7f3b' }],
  ['another context name', { contextName: 'other' }],
  ['another bundle', { bundle: { ...signingExample.bundle, sha256: 'b'.repeat(64) } }],
  ['another module name', { bundle: { ...signingExample.bundle, module: 'other.ts' } }],
  ['a wider space', { context: { ...submission.context, space } as Submission['context'] }],
  ['an hparam more', { context: { ...submission.context, hparams: { command: 'rm' } } }],
  ['more trials', { context: { ...submission.context, trials: 21 } as Submission['context'] }],
  ['another optimizer', { context: { ...submission.context, optimizer: { name: 'tpe', options: {} } } as never }],
  ['a later expiry', { signature: { ...signature, expiresAt: signature.expiresAt + 1 } }],
  ['another key', { signature: { ...signature, key: keyFrom('11'.repeat(32)).key } }],
  ['a key that is no point of the curve', { signature: { ...signature, key: `${'_'.repeat(42)}8` } }],
  ['another value', { signature: { ...signature, value: 'A'.repeat(86) } }],
])('a signature does not fit %s', (_, change) => {
  expect(faultOfSignature({ ...submission, signature })).toBeUndefined()
  expect(faultOfSignature({ ...submission, signature, ...change })?.code).toBe('SIGNATURE_INVALID')
})

test('the terms of a context leave out what is no business of a worker', () => {
  const terms = termsOf(submission.context, 'c'.repeat(64))
  expect(Object.keys(terms).toSorted()).toEqual(
    'contextSha256 graceMs hparams kind objectives seed space trialTimeoutMs trials'.split(' '),
  )
  const about = { experiment: 'e', contextName: 'c', bundle: signingExample.bundle, terms, expiresAt: 1 }
  expect(statementOf(about)).toContain('"maggy":"submission 1"')
})
