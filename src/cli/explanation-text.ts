/** Writes for people how a search came to its choices. */
import { earlierTrials, searchOf, type History } from '../history/index.ts'
import type { Explanation } from '../importance/index.ts'
import { toldOf } from '../optimizer/index.ts'
import { builtinSamplers } from '../samplers/index.ts'
import type { Result } from '../store/index.ts'
import { visible } from '../words/index.ts'
import { short } from './text.ts'

/** When its optimizer changed its mind, and why: worked out again from what it was opened with, and what it was told. */
export function toldBy(history: History): readonly string[] {
  const { context } = history.submission
  const plugin = context.kind === 'optimization' ? builtinSamplers.get(context.optimizer.name) : undefined
  if (context.kind !== 'optimization' || plugin === undefined) return []
  const setting = searchOf(context, context.optimizer)
  return toldOf(plugin, { ...setting, history: [...earlierTrials(context), ...history.observations()] })
}

const percent = (share: number): string => `${Math.round(100 * share)} %`

export function explanationLines(
  { objectives, configurations }: Result,
  learned: Explanation | undefined,
  told: readonly string[],
): readonly string[] {
  const lines: string[] = told.map((each) => `changed ${visible(each)}`)
  if (learned === undefined) return lines
  const what = configurations === undefined ? 'trials' : 'configurations'
  const { judged } = learned
  const isJudged = learned.prospect !== undefined || Object.keys(learned.importance).length > 0
  if (judged !== undefined && isJudged) {
    const { budget, trials } = judged
    lines.push(
      `budget  what matters is judged by the ${trials} ${what} of budget ${budget}: other budgets are not comparable`,
    )
  }
  for (const [metric, shares] of Object.entries(learned.importance)) {
    const said = Object.entries(shares)
      .toSorted(([, a], [, b]) => b.share - a.share)
      .map(([name, { low, high }]) => `${visible(name)} ${percent(low)} to ${percent(high)}`)
    lines.push(`surely  ${visible(metric)}, 9 times of 10: ${said.join(', ')}`)
  }
  const { prospect, repeats } = learned
  if (prospect !== undefined) {
    const { lengths, noise, skill, gain, trials } = prospect
    const said = Object.entries(lengths)
      .toSorted(([, a], [, b]) => a - b)
      .map(([name, length]) => `${visible(name)} ${length > 5 ? 'hardly at all' : short(length)}`)
    lines.push(`changes over this part of the range: ${said.join(', ')}`)
    lines.push(
      `foretold ${percent(Math.max(0, skill))} of the differences between ${what} by a Gaussian process that is not shown them; ${percent(noise)} it takes for noise`,
    )
    const metric = visible(objectives[0]?.metric ?? '')
    const expected = gain > 0 ? `expected to better ${metric} by ${short(gain)}` : `not expected to better ${metric}`
    lines.push(`more    ${trials} more ${what} are ${expected}`)
  }
  if (repeats > 0) lines.push(`repeats ${repeats} trials had hparams that were tried before`)
  return lines
}
