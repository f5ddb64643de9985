/** Three requests make an optimizer, in any language: open, suggest, observe. */
import { Type } from 'typebox'
import { Count, Hparams, Id, Metrics, Options } from './common.ts'
import { Objective } from './context.ts'
import { call, version } from './conversation.ts'
import { SearchSpace } from './space.ts'

/** How far a trial goes, and what it goes on from. A scheduler (ASHA, Hyperband, population-based training) says so. */
export const Fidelity = Type.Object({
  /** In the user's own unit, counted from the very beginning: reaches train as hparams.budget. */
  budget: Type.Number({ exclusiveMinimum: 0 }),
  /** The trial whose checkpoint it continues; null: it begins afresh. */
  from: Type.Union([Count, Type.Null()]),
  /** The bracket, or the member of a population, that it belongs to. */
  lane: Type.Optional(Count),
})
export type Fidelity = Type.Static<typeof Fidelity>

/** Trials of earlier experiments (a warm start) are numbered from here on, beyond all of this one. */
export const firstEarlierTrial = 2 ** 40

/** A trial as a sampler sees it. */
export const Observation = Type.Object({
  /** Its number in the experiment; from 2^40 on: a trial of an earlier experiment. */
  trial: Count,
  hparams: Hparams,
  state: Type.Union([
    Type.Literal('pending'),
    Type.Literal('done'),
    Type.Literal('pruned'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ]),
  /** The final metrics; of a pruned trial, the last that it reported. */
  metrics: Metrics,
  /** The last step that was reported. */
  step: Type.Union([Count, Type.Null()]),
  fidelity: Type.Optional(Fidelity),
})
export type Observation = Type.Static<typeof Observation>

export const open = call({
  name: 'optimizer.open',
  queue: 'optimizer',
  subject: `maggy.${version}.call.optimizer.{optimizer}.open`,
  payload: Type.Object({
    experiment: Id,
    space: SearchSpace,
    objectives: Type.Array(Objective, { minItems: 1 }),
    seed: Count,
    options: Options,
    trials: Count,
    /** At most so many trials at once, where that is known. */
    parallel: Type.Optional(Type.Integer({ minimum: 1 })),
    /** What is fixed of the first trials, a map each: the optimizer suggests the rest of it. */
    enqueue: Type.Optional(Type.Array(Hparams)),
    /** All that is known so far; what does not fit one message follows as observe. */
    history: Type.Array(Observation),
  }),
  reply: Type.Object({
    /** Which process answered: suggest and observe go to it alone. */
    instance: Id,
    /** Whether a suggestion depends on results; if not, the driver may ask ahead of time. */
    adaptive: Type.Boolean(),
    /** What people should know of its choices, a sentence each. */
    notes: Type.Optional(Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 16 })),
  }),
  speaks: 'driver',
  hears: 'optimizer',
  doc: 'Opens an experiment on one of the processes that answer to this name (queue group `optimizer`). It carries all that is needed, so an optimizer may die and be reopened at any time. OPTIMIZER_UNFIT: it cannot take this space or these options.',
  example: {
    params: { optimizer: 'random' },
    payload: {
      experiment: 'mnist-tune-7f3a',
      space: { lr: { type: 'double', low: 0.0001, high: 0.1, log: true } },
      objectives: [{ metric: 'accuracy', direction: 'maximize' }],
      seed: 1,
      options: {},
      trials: 20,
      history: [],
    },
    reply: { instance: 'o1', adaptive: false },
  },
})

export const suggest = call({
  name: 'optimizer.suggest',
  subject: `maggy.${version}.call.optimizer.{optimizer}.{instance}.suggest`,
  payload: Type.Object({
    experiment: Id,
    /** The number of the first trial to suggest; with the seed and the history it determines the answer. */
    trial: Count,
    count: Type.Integer({ minimum: 1, maximum: 1024 }),
  }),
  reply: Type.Object({
    /** As many as were asked, or fewer when there are no more, or none for now. */
    hparams: Type.Array(Hparams),
    /** Of each of the hparams, in the same order; left out by optimizers that know no budgets. */
    fidelities: Type.Optional(Type.Array(Fidelity)),
    /** Nothing more to suggest until a trial that is pending has ended. */
    waiting: Type.Optional(Type.Boolean()),
    /** Nothing more to suggest, ever (a grid that is used up). */
    exhausted: Type.Boolean(),
  }),
  speaks: 'driver',
  hears: 'optimizer',
  doc: 'Asks for the next hparams. What was suggested and not yet observed counts as pending.',
  example: {
    params: { optimizer: 'random', instance: 'o1' },
    payload: { experiment: 'mnist-tune-7f3a', trial: 3, count: 1 },
    reply: { hparams: [{ lr: 0.01 }], exhausted: false },
  },
})

export const observe = call({
  name: 'optimizer.observe',
  subject: `maggy.${version}.call.optimizer.{optimizer}.{instance}.observe`,
  payload: Type.Object({ experiment: Id, observations: Type.Array(Observation), closed: Type.Boolean() }),
  reply: Type.Object({}),
  speaks: 'driver',
  hears: 'optimizer',
  doc: 'Tells what trials came to. With `closed` the experiment is over and may be forgotten. EXPERIMENT_UNKNOWN: open it (again).',
  example: {
    params: { optimizer: 'random', instance: 'o1' },
    payload: {
      experiment: 'mnist-tune-7f3a',
      observations: [{ trial: 2, hparams: { lr: 0.02 }, state: 'done', metrics: { accuracy: 0.96 }, step: 3 }],
      closed: false,
    },
    reply: {},
  },
})
