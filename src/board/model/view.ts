/**
 * A person's view of an experiment: filters, columns, axes, trials to compare. It stands in the address, so a view is
 * saved by keeping the address, and shared by sending it. Pure.
 */
import type { TrialState } from '../../history/index.ts'

/** Bounds of a column's place on its axis: of numbers the values themselves, of choices the parts of the axis. */
export type Bounds = readonly [number, number]

export interface View {
  /** Empty: all. */
  readonly states: readonly TrialState[]
  /** The best so many; null: all. */
  readonly top: number | null
  readonly bounds: Readonly<Record<string, Bounds>>
  readonly chosen: readonly number[]
  readonly sort: { readonly column: string; readonly down: boolean }
  /** Columns of the table that are hidden. */
  readonly hidden: readonly string[]
  /** Of the curves; null: the first objective. */
  readonly metric: string | null
  readonly across: 'step' | 'time'
  /** Axes with a logarithmic scale by a person's choice. */
  readonly log: readonly string[]
  /** Curves and results are put together by this column; null: they are not. */
  readonly group: string | null
  /** Of the contour. */
  readonly pair: readonly [string, string] | null
  /** Components that are marked in the drawing of the model. */
  readonly without: readonly string[]
}

export const plainView: View = {
  states: [],
  top: null,
  bounds: {},
  chosen: [],
  sort: { column: 'trial', down: true },
  hidden: [],
  metric: null,
  across: 'step',
  log: [],
  group: null,
  pair: null,
  without: [],
}

const states = ['queued', 'running', 'done', 'pruned', 'failed', 'cancelled'] as const

/** The view as it stands in an address; what is as usual is left out. */
export function queryOf(view: View): string {
  const query = new URLSearchParams()
  const put = (name: string, value: string | null) => {
    if (value !== null && value !== '') query.set(name, value)
  }
  put('states', view.states.join(','))
  put('top', view.top === null ? null : String(view.top))
  for (const [column, [low, high]] of Object.entries(view.bounds))
    query.append('in', JSON.stringify([column, low, high]))
  put('chosen', view.chosen.join(','))
  const { column, down } = view.sort
  if (column !== plainView.sort.column || down !== plainView.sort.down) put('sort', `${down ? '-' : ''}${column}`)
  for (const name of view.hidden) query.append('hide', name)
  put('metric', view.metric)
  if (view.across !== 'step') put('across', view.across)
  for (const name of view.log) query.append('log', name)
  put('group', view.group)
  if (view.pair !== null) put('pair', JSON.stringify(view.pair))
  for (const name of view.without) query.append('without', name)
  return query.toString()
}

/** The view of an address; what is no part of a view is passed over, for people edit addresses. */
export function viewOf(text: string): View {
  const query = new URLSearchParams(text)
  const sort = query.get('sort')
  const top = Number(query.get('top'))
  const across = query.get('across')
  return {
    states: listOf(query.get('states')).filter((name): name is TrialState => states.some((state) => state === name)),
    top: Number.isInteger(top) && top > 0 ? top : null,
    bounds: Object.fromEntries(query.getAll('in').flatMap((each) => boundsIn(each) ?? [])),
    chosen: listOf(query.get('chosen'))
      .map(Number)
      .filter((trial) => Number.isInteger(trial) && trial >= 0),
    sort: sort === null ? plainView.sort : { column: sort.replace(/^-/, ''), down: sort.startsWith('-') },
    hidden: query.getAll('hide'),
    metric: query.get('metric'),
    across: across === 'time' ? 'time' : 'step',
    log: query.getAll('log'),
    group: query.get('group'),
    pair: pairIn(query.get('pair')),
    without: query.getAll('without'),
  }
}

const listOf = (text: string | null): string[] => (text === null || text === '' ? [] : text.split(','))

function boundsIn(text: string): [[string, Bounds]] | undefined {
  const read = parsed(text)
  if (!Array.isArray(read)) return undefined
  const [column, low, high] = read as unknown[]
  return typeof column === 'string' && typeof low === 'number' && typeof high === 'number'
    ? [[column, [low, high]]]
    : undefined
}

function pairIn(text: string | null): readonly [string, string] | null {
  const read = text === null ? undefined : parsed(text)
  if (!Array.isArray(read)) return null
  const [a, b] = read as unknown[]
  return typeof a === 'string' && typeof b === 'string' ? [a, b] : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
