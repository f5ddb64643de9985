/** An ablation as rows: the base, then each component, what is missed most first. */
import type { AblationResult, Comparison, Group } from '../ablation/index.ts'
import type { Rows } from './table.ts'

export const ablationRows = ({ metric, base, components }: AblationResult): Rows => ({
  columns: [
    'without',
    'done',
    'failed',
    metric,
    'spread',
    'delta',
    'relative',
    'error95',
    'p',
    'pHolm',
    'verdict',
    'interaction',
    'parameters',
    'parametersSaved',
    'durationMs',
    'timeSavedMs',
    'problem',
    'baseProblem',
    'notes',
  ],
  rows: [base, ...components].map((group) => {
    const { delta, relative, error, p, pHolm, verdict, interaction, parametersSaved, timeSavedMs, baseProblem, notes } =
      compared(group)
    return [
      group.without.join(' + ') || 'nothing (base)',
      group.done,
      group.failed,
      group.mean,
      group.spread,
      delta,
      relative,
      error,
      p,
      pHolm,
      verdict,
      interaction,
      group.parameters,
      parametersSaved,
      group.durationMs,
      timeSavedMs,
      group.problem?.code,
      baseProblem?.code,
      notes?.join('; ') || undefined,
    ]
  }),
})

const compared = (group: Group | Comparison): Partial<Comparison> => group
