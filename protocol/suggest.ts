/** The requests to an optimizer. */
import { Type } from 'typebox'
import { Count, Hparams, Ordinal } from './common.ts'
import { SearchSpace } from './space.ts'
import { observationOf, suggesterCalls, suggestionsAtMost } from './suggesting.ts'

/** How far a trial goes, and the trial that it continues. Schedulers (ASHA, Hyperband, population-based training) set it. */
export const Fidelity = Type.Object({
  /** In the user's own unit, counted from the very beginning: reaches train as hparams.budget. */
  budget: Type.Number({ exclusiveMinimum: 0 }),
  /** The trial whose checkpoint it continues; null: it begins afresh. */
  from: Type.Union([Count, Type.Null()]),
  /** The bracket, or the member of a population, that it belongs to. */
  group: Type.Optional(Count),
})
export type Fidelity = Type.Static<typeof Fidelity>

/** The optimizers that `maggy optimizer` serves. Drivers name them, and load none of them. */
export const builtinOptimizers: readonly string[] = [
  'auto',
  'random',
  'grid',
  'sobol',
  'tpe',
  'gp',
  'cmaes',
  'nsga2',
  'motpe',
  'asha',
  'hyperband',
  'bohb',
  'pbt',
]

/** Trials of earlier experiments (a warm start) are numbered from here on, beyond all of this one. */
export const firstEarlierTrial = 2 ** 40

/** A trial as a sampler sees it; numbered from 2^40 on: of an earlier experiment. */
export const Observation = observationOf({ hparams: Hparams, fidelity: Type.Optional(Fidelity) })
export type Observation = Type.Static<typeof Observation>

export const { open, suggest, observe } = suggesterCalls({
  role: 'optimizer',
  asked: {
    space: SearchSpace,
    /** The most trials that run at once, where that is known. */
    parallel: Type.Optional(Ordinal),
    /** The values that the user fixed of trial i: the optimizer suggests the others; null, or no entry: it suggests freely. */
    enqueue: Type.Optional(Type.Array(Type.Union([Hparams, Type.Null()]), { maxItems: 65_536 })),
  },
  given: {
    /** As many as were asked, or fewer when there are no more, or none for now. */
    hparams: Type.Array(Hparams, { maxItems: suggestionsAtMost }),
    /** Of each of the hparams, in the same order; left out by optimizers that know no budgets. */
    fidelities: Type.Optional(Type.Array(Fidelity, { maxItems: suggestionsAtMost })),
  },
  observation: Observation,
  unfit: 'OPTIMIZER_UNFIT: it cannot take this space or these options.',
  suggestDoc: 'Asks for the next hparams.',
  examples: {
    name: 'random',
    experiment: 'mnist-tune-7f3a',
    open: {
      space: { lr: { type: 'double', low: 0.0001, high: 0.1, log: true } },
      objectives: [{ metric: 'accuracy', direction: 'maximize' }],
      trials: 20,
    },
    suggest: { trial: 3, reply: { hparams: [{ lr: 0.01 }], exhausted: false } },
    observed: { trial: 2, hparams: { lr: 0.02 }, state: 'done', metrics: { accuracy: 0.96 }, step: 3 },
  },
})
