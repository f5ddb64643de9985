/** The space that the next search should have, for people: as code that they can paste. */
import { problem, type Parameter, type SearchSpace } from '../../protocol/index.ts'
import { fewestForNextSpace, nextSpace, rankedHparams } from '../importance/index.ts'
import type { Result } from '../store/index.ts'

/** Throws TRIALS_TOO_FEW, and OPTION_INVALID where nothing was searched. */
export function suggestedSpace(result: Result): SearchSpace {
  const { experiment, space, ablation } = result
  if (Object.keys(space).length === 0) {
    const kind = ablation === undefined ? 'a training' : 'an ablation'
    throw problem('OPTION_INVALID', { option: '--suggest-space', reason: `is for searches; ${experiment} is ${kind}` })
  }
  const ranked = rankedHparams(result)
  const next = nextSpace(space, ranked)
  if (next !== undefined) return next
  throw problem('TRIALS_TOO_FEW', { experiment, count: ranked.length, needed: fewestForNextSpace })
}

/** A space as code, with a word on each parameter that changed, and on each that is gone. */
export function spaceText(space: SearchSpace, before: SearchSpace): string {
  const lines = Object.entries(space).map(([name, parameter]) => {
    const old = before[name]
    const was = old === undefined || JSON.stringify(old) === JSON.stringify(parameter) ? '' : ` // was ${code(old)}`
    return `  ${/^[A-Za-z_]\w*$/.test(name) ? name : json(name)}: ${code(parameter)},${was}`
  })
  const gone = Object.entries(before).flatMap(([name, { when }]) =>
    when === undefined || Object.hasOwn(space, name)
      ? []
      : `  // without ${json(name)}, which is there only where ${json(when.parameter)} is ${when.in.map(json).join(' or ')}`,
  )
  return ['{', ...lines, ...gone, '}'].join('\n')
}

function code(parameter: Parameter): string {
  const { when, where } = parameter
  const relations = { ...(when && { when }), ...(where && { where }) }
  const call = (...given: readonly unknown[]) => {
    const shown = given.filter((each) => !isEmpty(each)).map((each) => json(each))
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

/** In a comment these two would end the line. */
const json = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u2028\u2029]/g, (end) => (end === '\u2028' ? '\\u2028' : '\\u2029'))

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
