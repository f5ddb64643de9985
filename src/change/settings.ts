/** `--set NAME=VALUE` on an experiment that is there: what may be changed of it, and why the rest may not. */
import { isProblem, problem, type AskedChange, type Context } from '../../protocol/index.ts'
import { plugin, policy, policyKeys, stopRule } from '../experiment/index.ts'
import { amongst } from '../words/index.ts'

type Changes = Omit<AskedChange, 'id' | 'resume' | 'signature'>

/** An option as it was written, and the same as JSON where it is JSON. */
interface Setting {
  readonly text: string
  readonly value: unknown
}

const incomparable = 'what came before could not be compared with what comes'
const another = 'a search over another space is another search: begin one with `warmStart`, and it may be wider'
const recorded = 'all decisions in its log rest on it'

/** Settings that may not be changed, and why. */
const fixed: ReadonlyMap<string, string> = new Map([
  ['direction', incomparable],
  ['metric', incomparable],
  ['objectives', incomparable],
  ['repeats', incomparable],
  ['study', incomparable],
  ['space', another],
  ['hparams', another],
  ['warmStart', 'it was known before the first trial: begin another search with it'],
  ['seed', recorded],
  ['ablator', recorded],
  ['shadow', 'its proposals would lack what was tried before'],
  ['workersPerTrial', incomparable],
  ['workers', 'workers come and go by themselves: start more, or end some'],
])

const searchKeys = ['trials', 'optimizer', 'pruner', 'stop', 'enqueue', ...policyKeys]

/** Throws CHANGE_REFUSED, OPTION_INVALID, CONTEXT_INVALID. `experiment`: for messages. */
export function changeOfSettings(
  experiment: string,
  context: Context,
  settings: ReadonlyMap<string, Setting>,
): Changes {
  const change: Changes = {}
  const policies: Record<string, unknown> = {}
  for (const [given, { text, value }] of settings) {
    const key = given.replace(/^context\./, '')
    const reason = reasonAgainst(key, context)
    if (reason !== undefined) throw problem('CHANGE_REFUSED', { what: key, experiment, reason })
    try {
      if (key === 'trials') change.trials = trialsOf(text)
      else if (key === 'optimizer') change.optimizer = plugin(key, value)
      else if (key === 'pruner') change.pruner = value === null ? null : plugin(key, value)
      else if (key === 'stop') change.stop = value === null ? {} : stopRule(value)
      else if (key === 'enqueue') change.enqueue = entriesOf(value)
      else if (policyKeys.some((one) => one === key)) policies[key] = value
      else
        throw problem('OPTION_INVALID', { option: `--set ${given}`, reason: `is unknown; ${amongst(key, searchKeys)}` })
    } catch (error) {
      if (!isProblem(error, 'CONTEXT_INVALID')) throw error
      throw problem(
        'OPTION_INVALID',
        { option: `--set ${given}`, reason: String(error.details['reason']) },
        { cause: error },
      )
    }
  }
  const made: Readonly<Record<string, unknown>> = policy(policies)
  const named = Object.keys(policies).map((key) => [key, made[key]])
  return named.length === 0
    ? change
    : { ...change, policy: Object.fromEntries(named) as NonNullable<Changes['policy']> }
}

function reasonAgainst(key: string, context: Context): string | undefined {
  const name = key.replace(/^hparams\./, '')
  const isHparam = key !== name || (context.kind === 'optimization' && Object.hasOwn(context.space, key))
  if (isHparam || Object.hasOwn(context.hparams, key)) return another
  return fixed.get(key)
}

/** `50`: in all; `+50`: so many more. Throws OPTION_INVALID. */
export function trialsOf(text: string): number | { more: number } {
  const number = Number(text)
  if (/^\+?\d+$/.test(text) && Number.isSafeInteger(number) && number >= 1) {
    return text.startsWith('+') ? { more: number } : number
  }
  throw problem('OPTION_INVALID', {
    option: 'trials',
    reason: `is ${text}, neither a number of trials nor +N, so many more`,
  })
}

function entriesOf(value: unknown): NonNullable<Changes['enqueue']> {
  const entries = Array.isArray(value) ? value : [value]
  if (entries.length === 0 || entries.some((one) => typeof one !== 'object' || one === null || Array.isArray(one))) {
    throw problem('CONTEXT_INVALID', { path: 'enqueue', reason: 'is not a list of hparams' })
  }
  return entries as NonNullable<Changes['enqueue']>
}
