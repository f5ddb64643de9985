/**
 * Signed code: what a client's signature says, and what a worker that trusts few holds an assignment against.
 * I1 What is signed is one text, the statement: JSON in the canonical form of RFC 8785, in UTF-8. Whoever checks a signature makes the
 *    text anew from what came, so that nothing that is in it can be another and still fit.
 */
import { Type } from 'typebox'
import { Component } from './ablation.ts'
import { Count, Duration, Hparams, Name, Ordinal, Patience } from './common.ts'
import { RingSettings, type Context, type OptimizationContext } from './context.ts'
import { exampleContext, type Bundle } from './experiment.ts'
import { SearchSpace } from './space.ts'
import { Signature } from './signature.ts'

/** The parts of a context that decide what a worker runs. */
export const Terms = Type.Object({
  kind: Type.Union([Type.Literal('optimization'), Type.Literal('ablation'), Type.Literal('training')]),
  /** sha256 of the whole context in canonical JSON, in hex. */
  contextSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Of every trial. */
  hparams: Hparams,
  /** In an optimization: where all other hparams lie, but for `budget`, which is a number. */
  space: Type.Optional(SearchSpace),
  seed: Count,
  trials: Ordinal,
  /** Of each of these; left out: one. */
  repeats: Type.Optional(Ordinal),
  objectives: Type.Array(Name, { maxItems: 64 }),
  trialTimeoutMs: Type.Union([Duration, Type.Null()]),
  graceMs: Patience,
  ring: Type.Optional(RingSettings),
  /** In an ablation: what trials may do without. */
  components: Type.Optional(Type.Array(Component, { maxItems: 4096 })),
  keepWeights: Type.Optional(Type.Boolean()),
})
export type Terms = Type.Static<typeof Terms>

/** What goes with each assignment of an experiment that is signed. */
export const Signed = Type.Object({ terms: Terms, signature: Signature })
export type Signed = Type.Static<typeof Signed>

/** `contextSha256`: of the context in canonical JSON. */
export function termsOf(context: Context, contextSha256: string): Terms {
  const { kind, hparams, seed, trials, objectives, policy } = context
  return {
    kind,
    contextSha256,
    hparams,
    seed,
    trials,
    objectives: objectives.map(({ metric }) => metric),
    trialTimeoutMs: policy.trialTimeoutMs,
    graceMs: policy.graceMs,
    ...(context.kind === 'optimization' ? { space: context.space, ...repeatsOf(context) } : {}),
    ...('ring' in context && context.ring !== undefined ? { ring: context.ring } : {}),
    ...(context.kind === 'ablation' ? { components: context.components, keepWeights: context.study.keepWeights } : {}),
  }
}

const repeatsOf = ({ repeats }: OptimizationContext) => (repeats === undefined ? {} : { repeats })

/** What the statement is about. */
export interface Signable {
  readonly experiment: string
  readonly contextName: string
  readonly bundle: Bundle
  readonly terms: Terms
  readonly expiresAt: number
}

/** The text that is signed. It says what it is (`maggy`): nobody takes it for a text of another kind. */
export function statementOf({ experiment, contextName, bundle, terms, expiresAt }: Signable): string {
  return canonical({ maggy: 'submission 1', experiment, contextName, bundle, terms, expiresAt })
}

/** JSON in the canonical form of RFC 8785: no blanks, names in the order of their UTF-16 code units, numbers as ECMAScript writes them. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const map = value as Readonly<Record<string, unknown>>
  const names = Object.keys(map)
    .filter((name) => map[name] !== undefined)
    .toSorted((a, b) => (a < b ? -1 : 1))
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(map[name])}`).join(',')}}`
}

/** A submission with its signature, for those who sign in another language. The seed is no secret. */
export const signingExample = {
  /** The private key, as RFC 8032 has it. */
  seedHex: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  experiment: 'mnist-tune-7f3a',
  contextName: 'tune',
  context: exampleContext,
  bundle: { sha256: 'a'.repeat(64), bytes: 2048, module: 'mnist.ts' },
  contextSha256: '5e858827818d25473e0c49146268b24f55d8cf96f80b65bd7c100b4ebaa0124c',
  signature: {
    key: 'A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg',
    expiresAt: 1_702_592_000_000,
    value: 'fojgkqB2gz-5AUOF2IJMvOeNFD4N3SnbKxjyP6Yu5U7cMnVN5Tj8ugy1c6aygDW0xPIMbZHdcK4e8msz27i5BA',
  },
} as const
