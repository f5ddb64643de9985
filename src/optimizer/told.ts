/** What a search is told of trials, its own and earlier ones: checked, and put as samplers read it. Throws OPTION_INVALID, with the remedy. */
import { firstEarlierTrial, problem, type Objective, type Observation, type SearchSpace } from '../../protocol/index.ts'
import { limitsOf, limitText } from '../pareto/index.ts'
import { validateHparams } from '../space/index.ts'
import { countOfUse } from '../words/index.ts'

/** How a trial ended: with a value, with metrics by name, or in another state. A number that is not finite is the worst. */
export type SearchOutcome =
  | number
  | Readonly<Record<string, number>>
  | { readonly state: 'failed' | 'cancelled' }
  | { readonly state: 'pruned'; readonly value: number; readonly step?: number }

/** A trial from before a search. */
export interface KnownTrial extends Pick<Observation, 'hparams' | 'metrics' | 'fidelity' | 'errors'> {
  /** Default: done. */
  readonly state?: Observation['state']
  /** The last step that was reported. Default: null, none. */
  readonly step?: number | null
}

type Given = Readonly<Record<string, unknown>>
type Ended = Pick<Observation, 'state' | 'metrics' | 'step'>

const endStates = ['failed', 'cancelled', 'pruned'] as const
const knownStates = ['done', ...endStates, 'pending'] as const

export const invalid = (option: string, reason: string) => problem('OPTION_INVALID', { option, reason })
export const show = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value))
const isRecord = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const finite = (value: number | null): number | null => (Number.isFinite(value) ? value : null)

/** How a trial ended, of what `tell` was given. */
export function endedAs(told: unknown, objectives: readonly Objective[]): Ended {
  if (typeof told === 'number') {
    if (objectives.length === 1) return done({ [nameOf(objectives)]: told }, objectives)
    throw invalid(
      'told',
      `is ${told}, one number for ${objectives.length} objectives: tell(id, ${example(objectives)})`,
    )
  }
  if (!isRecord(told)) {
    const failed = '{ "state": "failed" }'
    const remedy = `tell(id, ${example(objectives)}), or tell(id, ${failed})`
    throw invalid('told', `is ${show(told)}, neither a number nor numbers by name: ${remedy}`)
  }
  // A metric may be called state.
  if (!Object.hasOwn(told, 'state') || typeof told['state'] === 'number') return done(told, objectives)
  return endedOtherwise(told, objectives)
}

function done(told: Given, objectives: readonly Objective[]): Ended {
  for (const [name, value] of Object.entries(told)) {
    if (typeof value === 'number') continue
    throw invalid(`told.${name}`, `is ${show(value)}, not a number; where there is none, tell NaN`)
  }
  const missing = objectives.find(({ metric }) => !Object.hasOwn(told, metric))
  if (missing !== undefined) throw invalid('told', `lacks ${missing.metric}: tell(id, ${example(objectives)})`)
  const untold = limitsOf(objectives).find(({ metric }) => !Object.hasOwn(told, metric))
  if (untold !== undefined) {
    const needs = `which the constraint ${limitText(untold)} needs`
    throw invalid('told', `lacks ${untold.metric}, ${needs}: tell(id, ${example(objectives)})`)
  }
  const { step } = told
  return { state: 'done', metrics: mapped(told as Readonly<Record<string, number>>), step: isStep(step) ? step : null }
}

function endedOtherwise({ state, value, step, ...rest }: Given, objectives: readonly Objective[]): Ended {
  const known = endStates.find((each) => each === state)
  if (known === undefined) {
    const remedy = `of a trial that is done, the numbers alone are told: tell(id, ${example(objectives)})`
    throw invalid('told.state', `is ${show(state)}; there are ${endStates.join(', ')}; ${remedy}`)
  }
  for (const key of Object.keys(rest)) throw invalid(`told.${key}`, 'is unknown; there are state, value, step')
  if (value === undefined && known === 'pruned') {
    throw invalid('told', `lacks value, the last that was reported: tell(id, { "state": "pruned", "value": … })`)
  }
  if (value !== undefined && typeof value !== 'number') throw invalid('told.value', `is ${show(value)}, not a number`)
  if (step !== undefined && !isStep(step)) throw invalid('told.step', `is ${show(step)}, not a whole number from 0 on`)
  return {
    state: known,
    metrics: value === undefined ? {} : { [nameOf(objectives)]: finite(value) },
    step: step ?? null,
  }
}

/** Trials from before a search, as observations, and a note if not all are of use. Throws HPARAMS_INVALID, too. */
export function knownTrials(
  given: readonly unknown[],
  space: SearchSpace,
  objectives: readonly Objective[],
): { readonly history: readonly Observation[]; readonly notes: readonly string[] } {
  const ofUse = countOfUse('history')
  const history: Observation[] = []
  for (const [index, item] of given.entries()) {
    const path = `history[${index}]`
    const trial = known(item, path, objectives)
    validateHparams(space, trial.hparams, `${path}.hparams`)
    // A trial without a number that a constraint needs may have broken it: it would teach that all is allowed.
    const untold = limitsOf(objectives).find(({ metric }) => !Object.hasOwn(trial.metrics, metric))
    if (trial.state === 'done' && untold !== undefined)
      ofUse.leaveOut(`without ${show(untold.metric)}`, `${path}.metrics`)
    else history.push({ ...trial, hparams: structuredClone(trial.hparams), trial: firstEarlierTrial + index })
  }
  return { history, notes: history.length === given.length ? [] : [ofUse.sentence(history.length, given.length)] }
}

function known(item: unknown, path: string, objectives: readonly Objective[]): Omit<Observation, 'trial'> {
  const shape = `{ hparams, state, metrics: ${example(objectives)}, step }`
  if (!isRecord(item)) throw invalid(path, `is ${show(item)}, not ${shape}`)
  const { hparams, state = 'done', metrics: given, step = null } = item
  const which = knownStates.find((each) => each === state)
  if (which === undefined) throw invalid(`${path}.state`, `is ${show(state)}; there are ${knownStates.join(', ')}`)
  if (!isRecord(hparams)) throw invalid(`${path}.hparams`, `is ${show(hparams)}, not hparams by name: ${shape}`)
  if (given === undefined && which === 'done') throw invalid(path, `lacks metrics: it is ${shape}`)
  const metrics = given ?? {}
  if (!isRecord(metrics)) throw invalid(`${path}.metrics`, `is ${show(metrics)}, not numbers by name: ${shape}`)
  for (const [name, value] of Object.entries(metrics)) {
    if (value === null || typeof value === 'number') continue
    throw invalid(`${path}.metrics.${name}`, `is ${show(value)}, neither a number nor null`)
  }
  const missing = objectives.find(({ metric }) => !Object.hasOwn(metrics, metric))
  if (which === 'done' && missing !== undefined) {
    throw invalid(`${path}.metrics`, `lacks ${missing.metric}: it is ${example(objectives)}`)
  }
  if (step !== null && !isStep(step)) throw invalid(`${path}.step`, `is ${show(step)}, neither a whole number nor null`)
  const { fidelity, errors } = item as Partial<KnownTrial>
  return {
    hparams: hparams as Observation['hparams'],
    state: which,
    metrics: mapped(metrics as Observation['metrics']),
    step,
    ...(fidelity === undefined ? {} : { fidelity }),
    ...(errors === undefined ? {} : { errors }),
  }
}

const isStep = (step: unknown): step is number => Number.isSafeInteger(step) && Number(step) >= 0

const nameOf = ([first]: readonly Objective[]): string => first?.metric ?? 'value'

const mapped = (metrics: Readonly<Record<string, number | null>>): Record<string, number | null> =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, finite(value)]))

/** `{ "value": …, "memory": … }`: all numbers that a trial comes to. */
function example(objectives: readonly Objective[]): string {
  const names = new Set([...objectives, ...limitsOf(objectives)].map(({ metric }) => JSON.stringify(metric)))
  return `{ ${[...names].map((name) => `${name}: …`).join(', ')} }`
}
