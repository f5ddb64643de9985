/** How optimizers that were asked on the side compare, for people. What the columns mean is in src/shadow/comparison.ts. */
import pc from 'picocolors'
import type { ShadowComparison } from '../shadow/index.ts'
import { visible } from '../words/index.ts'
import { table } from './plain-table.ts'
import { pairs, short } from './text.ts'

/** With `all`, also what each of them proposed for each trial. */
export function shadowText(
  { metric, rows, proposals }: ShadowComparison,
  { all = false }: { all?: boolean | undefined },
): string[] {
  const head = ['optimizer', 'trials', `expected ${visible(metric)}`, 'agreement']
  const cells = rows.map(({ optimizer, ran, proposed, expected, agreement }) => [
    `${optimizer}${ran ? ' (ran)' : ''}`,
    String(proposed),
    short(expected),
    ran ? '' : short(agreement),
  ])
  const lines = ['', table(head, cells)]
  lines.push(
    pc.dim(
      'expected: the mean of the nearest trials; agreement: 1, if trials came out worse the farther they were from its proposals',
    ),
  )
  if (all)
    lines.push(
      ...proposals.map(({ trial, optimizer, hparams }) => `shadow  trial ${trial}, ${optimizer}: ${pairs(hparams)}`),
    )
  else if (proposals.length > 0) lines.push(pc.dim('`--all` shows what each of them proposed'))
  return [...lines, '']
}
