/** Writes for people how a search came to its choices. */
import type { Observation, Parameter, SearchSpace } from '../../protocol/index.ts'
import type { Explanation } from '../importance/index.ts'
import { builtinSamplers } from '../samplers/index.ts'
import type { Result } from '../store/index.ts'
import { visible } from '../words/index.ts'
import { short } from './text.ts'

/** When its optimizer changed its mind, and why: worked out again from the trials in the log. */
export function toldBy({ optimizer, space, objectives, wanted, seed, trials }: Result): readonly string[] {
  const plugin = builtinSamplers.get(optimizer ?? '')
  if (plugin?.told === undefined) return []
  const history = trials.flatMap(({ trial, state, hparams, metrics }): Observation[] =>
    state === 'done' || state === 'failed' || state === 'pruned' || state === 'cancelled'
      ? [{ trial, hparams, state, metrics, step: null }]
      : [],
  )
  return plugin.told({ space, objectives, trials: wanted, options: {}, seed }, history)
}

const percent = (share: number): string => `${Math.round(100 * share)} %`

export function explanationLines(
  { objectives }: Result,
  learned: Explanation | undefined,
  told: readonly string[],
): readonly string[] {
  const lines: string[] = told.map((each) => `changed ${visible(each)}`)
  if (learned === undefined) return lines
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
      `foretold ${percent(Math.max(0, skill))} of the differences between trials by a Gaussian process that is not shown them; ${percent(noise)} it takes for noise`,
    )
    const metric = visible(objectives[0]?.metric ?? '')
    lines.push(`more    ${trials} more trials are expected to better ${metric} by ${short(gain)}`)
  }
  if (repeats > 0) lines.push(`repeats ${repeats} trials had hparams that were tried before`)
  return lines
}

/** A space as code, with a word on each parameter that changed. */
export function spaceText(space: SearchSpace, before: SearchSpace): string {
  const lines = Object.entries(space).map(([name, parameter]) => {
    const old = before[name]
    const was = old === undefined || JSON.stringify(old) === JSON.stringify(parameter) ? '' : ` // was ${code(old)}`
    return `  ${/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)}: ${code(parameter)},${was}`
  })
  return ['{', ...lines, '}'].join('\n')
}

function code(parameter: Parameter): string {
  const { when, where } = parameter
  const relations = { ...(when && { when }), ...(where && { where }) }
  const call = (...given: readonly unknown[]) => {
    const shown = given.filter((each) => !isEmpty(each)).map((each) => JSON.stringify(each))
    return `space.${parameter.type}(${shown.join(', ')})`
  }
  switch (parameter.type) {
    case 'discrete':
      return call(parameter.values, relations)
    case 'categorical':
      return call(parameter.choices, relations)
    case 'constant':
      return call(parameter.value, relations)
    default: {
      const { low, high, log, step } = parameter
      return call(low, high, { ...(log === true && { log }), ...(step !== undefined && { step }), ...relations })
    }
  }
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
