import { describe, expect, test } from 'vitest'
import type { Assignment, Context, Submission } from '../../protocol/index.ts'
import { assignmentOf } from '../../actors/driver/trials/assignment.ts'
import { seedOf } from '../../src/history/index.ts'
import { createGate, signed } from '../../src/signing/index.ts'
import { keyFrom } from '../support/signing.ts'

const key = keyFrom('01'.repeat(32))
const other = keyFrom('02'.repeat(32))
const trust = new Map([[key.key, 'alice']])
const now = 1_000
const policy = { trialTimeoutMs: 500, graceMs: 50, maxAttempts: 3, maxFailed: null, parallel: null, labels: {} }
const shared = { objectives: [{ metric: 'loss', direction: 'minimize' as const }], seed: 5, policy }

const search: Context = {
  ...shared,
  kind: 'optimization',
  optimizer: { name: 'random', options: {} },
  pruner: null,
  space: {
    lr: { type: 'double', low: 0.1, high: 1 },
    net: { type: 'categorical', choices: ['cnn', 'mlp'] },
    depth: { type: 'integer', low: 1, high: 3, when: { parameter: 'net', in: ['cnn'] } },
  },
  trials: 10,
  hparams: { epochs: 3 },
}
const part = { kind: 'layers' as const, name: 'hidden', layers: ['hidden'] }
const study: Context = {
  ...shared,
  kind: 'ablation',
  ablator: { name: 'loco', options: {} },
  study: {
    include: [{ kind: 'layers', of: [{ name: 'hidden' }] }],
    exclude: { features: [], layers: [] },
    keepWeights: false,
  },
  components: [part],
  repeats: 1,
  pruner: null,
  trials: 2,
  hparams: {},
}
const ring = {
  workers: { min: 2, max: 2 },
  waitMs: null,
  algorithm: 'ring' as const,
  encoding: 'float32' as const,
  chunkBytes: 65536,
  syncEvery: 1,
  accumulate: 1,
  checkpointEvery: null,
  shard: 'rank' as const,
  learningRate: 'as-set' as const,
  nonFinite: 'stop' as const,
}
const training: Context = { ...shared, kind: 'training', ring, pruner: null, trials: 1, hparams: { lr: 1 } }

const submissionOf = (context: Context, expiresAt = 2_000, by = key): Submission =>
  signed(
    {
      experiment: 'e1',
      name: 'n',
      contextName: 'c',
      context,
      bundle: { sha256: 'a'.repeat(64), bytes: 1, module: 'm.ts' },
    },
    by,
    expiresAt,
  )

function assigned(submission: Submission, trial: number, suggested: object, extra: object = {}): Assignment {
  const parts = [{ attempt: 1, worker: 'w1', slot: 0, seat: 2 }]
  const context = { hparams: suggested, parts, ...extra } as never
  const attempt = { experiment: submission.experiment, trial, attempt: 1 }
  const { ablated } = extra as { ablated?: never }
  return assignmentOf({ driver: 'd1', submission, vouched: submission, attempt, slot: 0, trial: context, ablated })
}

const refusal = (assignment: Assignment, at = now) => createGate('w1', trust).refusal(assignment, at)
const point = { lr: 0.5, net: 'cnn', depth: 2 }
const good = assigned(submissionOf(search), 3, point)

describe('what a driver makes of a signed submission is let in', () => {
  test.each<[string, Assignment]>([
    ['a trial of a search', good],
    ['one in which a parameter is not active', assigned(submissionOf(search), 3, { lr: 1, net: 'mlp' })],
    [
      'one with a budget, that goes on from another',
      assigned(submissionOf(search), 3, point, { fidelity: { budget: 9, from: 1 } }),
    ],
    [
      'the base of an ablation',
      assigned(submissionOf(study), 0, {}, { ablated: { components: [], repeat: 0, keepWeights: false } }),
    ],
    [
      'a trial without a component',
      assigned(submissionOf(study), 1, {}, { ablated: { components: [part], repeat: 0, keepWeights: false } }),
    ],
    ['a training in a ring', assigned(submissionOf(training), 0, {})],
  ])('%s', (_, assignment) => {
    expect(refusal(assignment)?.message).toBeUndefined()
  })
})

test('nobody has signed it', () => {
  const { signed: _, ...unsigned } = good
  expect(refusal(unsigned)?.code).toBe('CODE_UNSIGNED')
  const { bundle: __, ...without } = good
  expect(refusal(without)?.code).toBe('CODE_UNSIGNED')
})

test('somebody has signed it whom this worker does not trust', () => {
  expect(refusal(assigned(submissionOf(search, 2_000, other), 3, point))?.code).toBe('CODE_UNTRUSTED')
})

test('it was signed, and that has expired', () => {
  expect(refusal(good, 1_999)).toBeUndefined()
  expect(refusal(good, 2_000)?.code).toBe('SIGNATURE_EXPIRED')
})

test('what was let in once does not open the gate for another assignment', () => {
  const gate = createGate('w1', trust)
  expect(gate.refusal(good, now)).toBeUndefined()
  const swapped = { ...good, bundle: { sha256: 'b'.repeat(64), bytes: 1, module: 'm.ts' } }
  expect(gate.refusal(swapped, now)?.code).toBe('SIGNATURE_INVALID')
  expect(gate.refusal(good, 2_000)?.code).toBe('SIGNATURE_EXPIRED')
  const stolen = { ...swapped, signed: { ...good.signed, signature: { ...good.signed!.signature, key: other.key } } }
  expect(gate.refusal(stolen as Assignment, now)?.code).toBe('CODE_UNTRUSTED')
})

const ofStudy = assigned(submissionOf(study), 1, {}, { ablated: { components: [part], repeat: 0, keepWeights: false } })
const inRing = assigned(submissionOf(training), 0, {})
const terms = good.signed!.terms
test.each<[string, Assignment, { readonly [K in keyof Assignment]?: Assignment[K] | undefined }]>([
  ['the experiment', good, { attempt: { experiment: 'e2', trial: 3, attempt: 1 } }],
  ['the bundle', good, { bundle: { sha256: 'b'.repeat(64), bytes: 1, module: 'm.ts' } }],
  ['the context name', good, { contextName: 'other' }],
  ['the terms', good, { signed: { ...good.signed!, terms: { ...terms, hparams: { ...terms.hparams, x: 1 } } } }],
  ['the expiry', good, { signed: { ...good.signed!, signature: { ...good.signed!.signature, expiresAt: 9_999 } } }],
  [
    'a trial beyond them',
    good,
    { attempt: { experiment: 'e1', trial: 10, attempt: 1 }, seed: seedOf(search, 10, undefined) },
  ],
  ['a fixed hparam', good, { hparams: { ...good.hparams, epochs: 4 } }],
  ['a fixed hparam that is left out', good, { hparams: point }],
  ['an hparam outside of the space', good, { hparams: { ...good.hparams, lr: 2 } }],
  ['an hparam of another type', good, { hparams: { ...good.hparams, lr: '$(rm -r /)' } }],
  ['an hparam that nobody named', good, { hparams: { ...good.hparams, path: '/etc/passwd' } }],
  ['a budget that is no number', good, { hparams: { ...good.hparams, budget: 'all' } }],
  ['a parameter that is not active', good, { hparams: { epochs: 3, lr: 1, net: 'mlp', depth: 1 } }],
  ['the seed', good, { seed: 1 }],
  ['the objectives', good, { objectives: ['accuracy'] }],
  ['the time limit', good, { trialTimeoutMs: null }],
  ['the grace', good, { graceMs: 2 ** 30 }],
  ['a checkpoint beyond them', good, { resumeFrom: 10 }],
  ['a ring', good, { ring: { ring: 'e1-3', settings: ring } }],
  ['what it does without', good, { ablated: { components: [part], repeat: 0, keepWeights: false } }],
  [
    'another component',
    ofStudy,
    { ablated: { components: [{ ...part, layers: ['out'] }], repeat: 0, keepWeights: false } },
  ],
  ['whether weights are kept', ofStudy, { ablated: { components: [part], repeat: 0, keepWeights: true } }],
  ['a base that is no ablation', ofStudy, { ablated: undefined, seed: seedOf(study, 1, undefined) }],
  ['a budget in an ablation', ofStudy, { hparams: { budget: 1 } }],
  ['no ring', inRing, { ring: undefined }],
  ['another ring', inRing, { ring: { ring: 'e2-0', settings: ring } }],
  ['other settings of the ring', inRing, { ring: { ring: 'e1-0', settings: { ...ring, checkpointEvery: 1 } } }],
])('an assignment that differs in %s from what was signed is refused', (_, assignment, change) => {
  expect(refusal({ ...assignment, ...change } as Assignment)?.code).toBe('SIGNATURE_INVALID')
})
