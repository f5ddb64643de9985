/** The requests to an ablator: the same as to an optimizer, about components to leave out. */
import { Type } from 'typebox'
import { Component, ComponentName } from './ablation.ts'
import { Count, Ordinal } from './common.ts'
import { observationOf, suggesterCalls, suggestionsAtMost } from './suggesting.ts'

/** The components, by name, that a trial does without; none: the base. */
export const Removal = Type.Object({ without: Type.Array(ComponentName, { maxItems: 4096 }), repeat: Count })
export type Removal = Type.Static<typeof Removal>

/** A trial as an ablator sees it. */
export const AblationObservation = observationOf(Removal.properties)
export type AblationObservation = Type.Static<typeof AblationObservation>

const calls = suggesterCalls({
  role: 'ablator',
  asked: {
    components: Type.Array(Component, { minItems: 1, maxItems: 4096 }),
    repeats: Ordinal,
    /** Components that cannot be left out together: a trial of them would be refused. */
    impossible: Type.Optional(
      Type.Array(Type.Array(ComponentName, { minItems: 1, maxItems: 4096 }), { maxItems: 16_384 }),
    ),
  },
  given: {
    /** As many as were asked, or fewer: when there are no more, or when results must come in first (ask again then). */
    removals: Type.Array(Removal, { maxItems: suggestionsAtMost }),
  },
  observation: AblationObservation,
  unfit: 'ABLATOR_UNFIT: it cannot take these options.',
  suggestDoc: 'Asks what the next trials do without.',
  examples: {
    name: 'loco',
    experiment: 'mnist-ablate-7f3a',
    open: {
      components: [
        { kind: 'features', name: 'feature:age', features: ['age'] },
        { kind: 'layers', name: 'layer:conv2', layers: ['conv2'] },
      ],
      repeats: 2,
      objectives: [{ metric: 'accuracy', direction: 'maximize' }],
      trials: 6,
    },
    suggest: { trial: 0, reply: { removals: [{ without: [], repeat: 0 }], exhausted: false } },
    observed: { trial: 0, without: [], repeat: 0, state: 'done', metrics: { accuracy: 0.96 }, step: 3 },
  },
})
export const openAblation = calls.open
export const suggestRemovals = calls.suggest
export const observeAblation = calls.observe
