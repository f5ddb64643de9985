/** The contexts that an experiment can be run in, told apart by their `kind`. */
import { Type } from 'typebox'
import { Component, Impossible, LayersGraph, Study } from './ablation.ts'
import {
  Count,
  Duration,
  Hparams,
  Id,
  Label,
  lastInstant,
  mapOf,
  Metrics,
  Name,
  Options,
  Ordinal,
  Patience,
  Sentence,
} from './common.ts'
import { ChunkBytes, RingAlgorithm, RingEncoding } from './ring.ts'
import { SearchSpace } from './space.ts'

export const Direction = Type.Union([Type.Literal('minimize'), Type.Literal('maximize')])
export type Direction = Type.Static<typeof Direction>

/** A bound, or two, that a number which train returns must keep. */
export const Limit = Type.Object({
  metric: Name,
  atLeast: Type.Optional(Type.Number()),
  atMost: Type.Optional(Type.Number()),
})
export type Limit = Type.Static<typeof Limit>

/** One of the numbers that train returns, to be minimized or maximized. */
export const Objective = Type.Object({
  metric: Name,
  direction: Direction,
  /** A trial has a value of this objective only where it keeps all of these. They stand with the first objective. */
  limits: Type.Optional(Type.Array(Limit, { minItems: 1, maxItems: 64 })),
})
export type Objective = Type.Static<typeof Objective>

export const Objectives = Type.Array(Objective, { minItems: 1, maxItems: 64 })

/** A plug-in by its name, which stands in the subjects that it is asked on, with its options. */
export const Plugin = Type.Object({ name: Id, options: Options })
export type Plugin = Type.Static<typeof Plugin>

/** Milliseconds, and some time at least. */
const Span = Type.Number({ exclusiveMinimum: 0, maximum: lastInstant })

/** What a trial needs of a worker. */
export const Resources = Type.Object({
  memoryBytes: Type.Optional(Ordinal),
  cores: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  gpus: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  /** Where a trial has run out of memory and no worker has more: it waits for one, or is tried again on any. */
  outOfMemory: Type.Optional(Type.Union([Type.Literal('wait'), Type.Literal('retry')])),
})
export type Resources = Type.Static<typeof Resources>

/** How trials are tried; the same in every context. */
export const Policy = Type.Object({
  /** A trial may run this long; null: as long as it takes. */
  trialTimeoutMs: Type.Union([Span, Type.Null()]),
  /** A trial that ignores a stop for this long is killed. */
  graceMs: Patience,
  /** Tries at one trial when a worker or runner is lost under it. */
  maxAttempts: Ordinal,
  /** The experiment is given up once this many trials have failed; null: never. */
  maxFailed: Type.Union([Ordinal, Type.Null()]),
  /** At most this many trials at once; null: as many as there are slots. */
  parallel: Type.Union([Ordinal, Type.Null()]),
  /** Only workers that carry all of these labels. */
  labels: mapOf(Label, 64),
  /** A train that throws is tried again, elsewhere if that is possible; left out: what throws has failed. */
  retry: Type.Optional(Type.Object({ on: Type.Literal('throw'), times: Ordinal })),
  /** Only workers that have so much of it for each of their slots. */
  resources: Type.Optional(Resources),
  /** Of the experiments that could use a slot, those with the highest priority come first. Left out: 0. */
  priority: Type.Optional(Type.Integer({ minimum: -1000, maximum: 1000 })),
  /** Among those of one priority, places are held in proportion to their shares. Left out: 1. */
  share: Type.Optional(Type.Number({ minimum: 0.001, maximum: 1000 })),
})
export type Policy = Type.Static<typeof Policy>

/** When an experiment is over before all its trials have run. */
export const StopRule = Type.Object({
  /** Milliseconds since it was accepted, or resumed. */
  afterMs: Type.Optional(Span),
  /** A value of the first objective that is good enough. */
  target: Type.Optional(Type.Number()),
  /** It stops after this many trials in a row, done or pruned, that were no better than the best before them. */
  withoutImprovement: Type.Optional(Ordinal),
})
export type StopRule = Type.Static<typeof StopRule>

/** How a trial is trained by several workers at once. */
export const RingSettings = Type.Object({
  /** It begins with `max` members (after `waitMs` with `min`), and goes on as long as there are `min`. */
  workers: Type.Object({ min: Type.Integer({ minimum: 1 }), max: Type.Integer({ minimum: 1, maximum: 1024 }) }),
  /** How long it waits for `max` before it begins with fewer; null: as long as it takes. */
  waitMs: Type.Union([Duration, Type.Null()]),
  algorithm: RingAlgorithm,
  encoding: RingEncoding,
  /** Bytes that a chunk carries at most. */
  chunkBytes: ChunkBytes,
  /** Local SGD: each rank steps by itself, and they average their weights once in this many steps; 1: gradients at every step. */
  syncEvery: Ordinal,
  /** The number of batches whose gradients are added up before one step. */
  accumulate: Ordinal,
  /** Rank 0 keeps a checkpoint once in this many steps; null: none. */
  checkpointEvery: Type.Union([Ordinal, Type.Null()]),
  /** Whether the dataset is cut up by rank, or each rank loads its own part. */
  shard: Type.Union([Type.Literal('rank'), Type.Literal('own')]),
  /** Multiplied by the number of ranks, or left as train sets it. */
  learningRate: Type.Union([Type.Literal('as-set'), Type.Literal('linear')]),
  /** A gradient that is not finite ends the trial, or its step is left out on all ranks. */
  nonFinite: Type.Union([Type.Literal('stop'), Type.Literal('skip')]),
})
export type RingSettings = Type.Static<typeof RingSettings>

export const OptimizationContext = Type.Object({
  kind: Type.Literal('optimization'),
  optimizer: Plugin,
  pruner: Type.Union([Plugin, Type.Null()]),
  space: SearchSpace,
  /** Configurations, where each is tried several times (`repeats`). */
  trials: Ordinal,
  /** Each configuration is tried so many times, with a seed of its own each; left out: once. */
  repeats: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
  stop: Type.Optional(StopRule),
  objectives: Objectives,
  /** Given to every trial beside the suggested hparams. */
  hparams: Hparams,
  seed: Count,
  /** Entry i is tried as trial i. The optimizer fills in the values that an entry leaves out; null: it suggests freely. */
  enqueue: Type.Optional(Type.Array(Type.Union([Hparams, Type.Null()]), { maxItems: 65_536 })),
  /** Trials of earlier experiments: they count in the optimizer's history and not among the trials. */
  warmStart: Type.Optional(Type.Array(Type.Object({ hparams: Hparams, metrics: Metrics }), { maxItems: 65_536 })),
  /** Other optimizers that are asked the same questions on the side: what they propose is kept, and not tried. */
  shadow: Type.Optional(Type.Array(Plugin, { maxItems: 4 })),
  /** Sentences for people about how this context was made; shown with the optimizer's own notes. */
  notes: Type.Optional(Type.Array(Sentence, { maxItems: 16 })),
  policy: Policy,
  /** Each trial is trained by a ring of workers. */
  ring: Type.Optional(RingSettings),
})
export type OptimizationContext = Type.Static<typeof OptimizationContext>

export const AblationContext = Type.Object({
  kind: Type.Literal('ablation'),
  ablator: Plugin,
  study: Study,
  /** The components that the study means, with names that exist; empty until the client has looked at the model. */
  components: Type.Array(Component, { maxItems: 4096 }),
  /** What the study names and the model cannot do without: alone (then it is no component), or together. */
  impossible: Type.Optional(Type.Array(Impossible, { maxItems: 16_384 })),
  /** The base's model, where the client has looked at it and it is small enough to be drawn. It decides nothing. */
  graph: Type.Optional(LayersGraph),
  /** Trials of the base and of each component, each repeat with a seed of its own. */
  repeats: Ordinal,
  /** Early stopping is off unless it is asked for: a trial that is stopped early cannot be compared. */
  pruner: Type.Union([Plugin, Type.Null()]),
  /** The most trials that it runs. */
  trials: Ordinal,
  objectives: Objectives,
  hparams: Hparams,
  seed: Count,
  policy: Policy,
})
export type AblationContext = Type.Static<typeof AblationContext>

/** One trial, trained data-parallel. */
export const TrainingContext = Type.Object({
  kind: Type.Literal('training'),
  ring: RingSettings,
  pruner: Type.Null(),
  trials: Type.Literal(1),
  /** May be empty: there is nothing to compare it with. */
  objectives: Type.Array(Objective, { maxItems: 64 }),
  hparams: Hparams,
  seed: Count,
  policy: Policy,
})
export type TrainingContext = Type.Static<typeof TrainingContext>

export const Context = Type.Union([OptimizationContext, AblationContext, TrainingContext])
export type Context = Type.Static<typeof Context>
