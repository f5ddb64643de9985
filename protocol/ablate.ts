/** Three requests make an ablator, in any language: open, suggest, observe. The same shape as an optimizer's, about components. */
import { Type } from 'typebox'
import { Component } from './ablation.ts'
import { Count, Id, Metrics, Options } from './common.ts'
import { Objective } from './context.ts'
import { call, version } from './conversation.ts'

/** The components, by name, that a trial does without; none: the base. */
export const Removal = Type.Object({ without: Type.Array(Type.String(), { maxItems: 4096 }), repeat: Count })
export type Removal = Type.Static<typeof Removal>

/** A trial as an ablator sees it. */
export const AblationObservation = Type.Object({
  trial: Count,
  ...Removal.properties,
  state: Type.Union([
    Type.Literal('pending'),
    Type.Literal('done'),
    Type.Literal('pruned'),
    Type.Literal('failed'),
    Type.Literal('cancelled'),
  ]),
  metrics: Metrics,
  step: Type.Union([Count, Type.Null()]),
})
export type AblationObservation = Type.Static<typeof AblationObservation>

const components = [
  { kind: 'features' as const, name: 'feature:age', features: ['age'] },
  { kind: 'layers' as const, name: 'layer:conv2', layers: ['conv2'] },
]

export const openAblation = call({
  name: 'ablator.open',
  queue: 'ablator',
  subject: `maggy.${version}.call.ablator.{ablator}.open`,
  payload: Type.Object({
    experiment: Id,
    components: Type.Array(Component, { minItems: 1 }),
    repeats: Type.Integer({ minimum: 1 }),
    objectives: Type.Array(Objective, { minItems: 1 }),
    seed: Count,
    options: Options,
    trials: Count,
    /** Components that cannot be left out together: a trial of them would be refused. */
    impossible: Type.Optional(Type.Array(Type.Array(Type.String(), { minItems: 1 }))),
    /** All that is known so far; what does not fit one message follows as observe. */
    history: Type.Array(AblationObservation),
  }),
  reply: Type.Object({
    /** Which process answered: suggest and observe go to it alone. */
    instance: Id,
    /** Whether what is left out next depends on results; if not, the driver may ask ahead of time. */
    adaptive: Type.Boolean(),
  }),
  speaks: 'driver',
  hears: 'ablator',
  doc: 'Opens an ablation on one of the processes that answer to this name (queue group `ablator`). It carries all that is needed, so an ablator may die and be reopened at any time. ABLATOR_UNFIT: it cannot take these options.',
  example: {
    params: { ablator: 'loco' },
    payload: {
      experiment: 'mnist-ablate-7f3a',
      components,
      repeats: 2,
      objectives: [{ metric: 'accuracy', direction: 'maximize' }],
      seed: 1,
      options: {},
      trials: 6,
      history: [],
    },
    reply: { instance: 'a1', adaptive: false },
  },
})

export const suggestRemovals = call({
  name: 'ablator.suggest',
  subject: `maggy.${version}.call.ablator.{ablator}.{instance}.suggest`,
  payload: Type.Object({
    experiment: Id,
    /** The number of the first trial to suggest; with the history it determines the answer. */
    trial: Count,
    count: Type.Integer({ minimum: 1, maximum: 1024 }),
  }),
  reply: Type.Object({
    /** As many as were asked, or fewer: when there are no more, or when results must come in first (ask again then). */
    removals: Type.Array(Removal),
    /** Nothing more to leave out, ever. */
    exhausted: Type.Boolean(),
  }),
  speaks: 'driver',
  hears: 'ablator',
  doc: 'Asks what the next trials do without. What was suggested and not yet observed counts as pending.',
  example: {
    params: { ablator: 'loco', instance: 'a1' },
    payload: { experiment: 'mnist-ablate-7f3a', trial: 0, count: 2 },
    reply: {
      removals: [
        { without: [], repeat: 0 },
        { without: ['feature:age'], repeat: 0 },
      ],
      exhausted: false,
    },
  },
})

export const observeAblation = call({
  name: 'ablator.observe',
  subject: `maggy.${version}.call.ablator.{ablator}.{instance}.observe`,
  payload: Type.Object({ experiment: Id, observations: Type.Array(AblationObservation), closed: Type.Boolean() }),
  reply: Type.Object({}),
  speaks: 'driver',
  hears: 'ablator',
  doc: 'Tells what trials came to. With `closed` the experiment is over and may be forgotten. EXPERIMENT_UNKNOWN: open it (again).',
  example: {
    params: { ablator: 'loco', instance: 'a1' },
    payload: {
      experiment: 'mnist-ablate-7f3a',
      observations: [{ trial: 0, without: [], repeat: 0, state: 'done', metrics: { accuracy: 0.96 }, step: 3 }],
      closed: false,
    },
    reply: {},
  },
})
