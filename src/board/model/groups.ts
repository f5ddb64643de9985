/** Trials put together by something that they share: a value of an hparam, what an ablation left out. Pure. */
import { number, value as valueText } from '../words.ts'
import type { Standing } from '../wire.ts'
import type { Trials } from './trials.ts'

/** Columns by which trials can be put together, each with its name for people. */
export function groupings(
  trials: Trials,
  { kind, repeats }: Pick<Standing, 'kind' | 'repeats'>,
): (readonly [string, string])[] {
  const hparams = [...trials.hparams]
    .filter(([, values]) => new Set(values.map((given) => JSON.stringify(given))).size > 1)
    .map(([name]) => [`hparams.${name}`, name] as const)
  return [
    ...(repeats > 1 ? [['configuration', 'configuration'] as const] : []),
    ...(kind === 'ablation' ? [['without', 'what is left out'] as const] : []),
    ...hparams,
  ]
}

/** Numbers of more kinds than this are put together in ranges. */
const mostValues = 8
const ranges = 4

export interface Groups {
  /** In their order, which gives each its colour. */
  readonly names: readonly string[]
  /** The group of a trial by its place; null: it has no value there. */
  readonly of: (place: number) => string | null
}

/** `repeats`: trials of each configuration. */
export function groupsOf(trials: Trials, column: string, repeats = 1): Groups {
  const of =
    column === 'configuration'
      ? (place: number) => `configuration ${Math.floor(trials.number(place) / repeats)}`
      : groupOf(trials, column)
  const names = new Set(Array.from({ length: trials.count }, (_, place) => of(place) ?? []).flat())
  return { names: [...names].sort(byName), of }
}

/** Numbers in names by their size. */
const byName = new Intl.Collator('en', { numeric: true }).compare

function groupOf(trials: Trials, column: string): (place: number) => string | null {
  const valueAt = trials.column(column)
  const name = column.replace(/^hparams\./, '')
  if (column === 'without') return (place) => (valueAt(place) === '' ? 'nothing (base)' : textOf(valueAt(place)))
  const numbers = new Set<number>()
  for (let place = 0; place < trials.count; place += 1) {
    const value = valueAt(place)
    if (typeof value === 'number') numbers.add(value)
  }
  if (numbers.size <= mostValues) {
    return (place) => {
      const text = textOf(valueAt(place))
      return text === null ? null : `${name} ${text}`
    }
  }
  const bounds = boundsOf([...numbers])
  return (place) => {
    const value = valueAt(place)
    if (typeof value !== 'number') return textOf(value)
    const at = bounds.findIndex(([, high]) => value <= high)
    const [low, high] = bounds[at] as readonly [number, number]
    // Numbered, so that they stand in their order.
    return `${at + 1}. ${name} ${number(low)} to ${number(high)}`
  }
}

const textOf = (given: unknown): string | null => (given === null || given === undefined ? null : valueText(given))

/** Ranges with about as many different values each. */
function boundsOf(numbers: readonly number[]): (readonly [number, number])[] {
  const sorted = numbers.toSorted((a, b) => a - b)
  return Array.from({ length: ranges }, (_, at) => {
    const [first, end] = [at, at + 1].map((edge) => Math.round((edge * sorted.length) / ranges)) as [number, number]
    return [sorted[first] as number, sorted[end - 1] as number] as const
  })
}

export interface GroupResult {
  readonly group: string
  /** Its place among all groups. */
  readonly place: number
  readonly trials: readonly { readonly trial: number; readonly value: number }[]
  readonly mean: number
  /** Half of the 95 % interval of the mean: 1.96 standard errors; null of a single result. */
  readonly error: number | null
}

/** Summarises the results of each group. */
export function resultsOf(
  trials: Trials,
  metric: string,
  { names, of }: Groups,
  isWanted: (place: number) => boolean,
): GroupResult[] {
  const groups = new Map<string, { trial: number; value: number }[]>()
  for (let place = 0; place < trials.count; place += 1) {
    const [value, group] = [trials.metrics.get(metric)?.[place], of(place)]
    if (typeof value !== 'number' || group === null || trials.state(place) !== 'done' || !isWanted(place)) continue
    const own = groups.get(group)
    if (own === undefined) groups.set(group, [{ trial: trials.number(place), value }])
    else own.push({ trial: trials.number(place), value })
  }
  return names.flatMap((group, place) => {
    const own = groups.get(group)
    if (own === undefined) return []
    const { mean, error } = meanOf(own.map(({ value }) => value))
    return [{ group, place, trials: own, mean, error: own.length < 2 ? null : error }]
  })
}

/** The mean, and half of its 95 % interval: 1.96 standard errors; 0 of a single value. */
export function meanOf(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, error: 0 }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, error: 1.96 * Math.sqrt(variance / values.length) }
}
