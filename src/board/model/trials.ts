/** The trials of an experiment as a page holds them: columns that grow and are overwritten as frames come. Pure. */
import type { Limit, Objective, Parameter, SearchSpace } from '../../../protocol/index.ts'
import type { TrialState } from '../../history/index.ts'
import type { TrialColumns } from '../wire.ts'

/** Anything that a column may hold. */
export type Cell = unknown

export type PlainColumn = Exclude<keyof TrialColumns, 'hparams' | 'metrics'>

export class Trials {
  readonly #places = new Map<number, number>()
  readonly #plain = new Map<PlainColumn, Cell[]>()
  readonly hparams = new Map<string, Cell[]>()
  readonly metrics = new Map<string, (number | null)[]>()

  /** Asked by each chart, and the same for all until trials change. */
  readonly #byEnd = new Map<string, readonly number[]>()

  get count(): number {
    return this.#places.size
  }

  /** Takes in trials that are new or have changed: what is told of one is all of it. */
  merge(columns: TrialColumns): void {
    this.#byEnd.clear()
    const { hparams, metrics, ...plain } = columns
    const places = columns.trial.map((trial) => {
      let place = this.#places.get(trial)
      if (place === undefined) this.#places.set(trial, (place = this.#places.size))
      return place
    })
    for (const [name, values] of Object.entries(plain)) {
      const column = within(this.#plain, name as PlainColumn)
      for (const [at, place] of places.entries()) column[place] = values[at]
    }
    fill(this.hparams, hparams, places)
    fill(this.metrics, metrics, places)
  }

  /** undefined: there is no such trial. */
  place(trial: number): number | undefined {
    return this.#places.get(trial)
  }

  number(place: number): number {
    return this.plain('trial')[place] as number
  }

  state(place: number): TrialState {
    return this.plain('state')[place] as TrialState
  }

  /** undefined: there is no such trial. */
  stateOf(trial: number): TrialState | undefined {
    const place = this.place(trial)
    return place === undefined ? undefined : this.state(place)
  }

  plain(name: PlainColumn): readonly Cell[] {
    return this.#plain.get(name) ?? []
  }

  /** The value of a column by its name: `trial`, `hparams.lr`, `metrics.loss`, `durationMs`. */
  at(column: string, place: number): Cell {
    if (column.startsWith('hparams.')) return this.hparams.get(column.slice(8))?.[place] ?? null
    if (column.startsWith('metrics.')) return this.metrics.get(column.slice(8))?.[place] ?? null
    if (column !== 'durationMs') return this.#plain.get(column as PlainColumn)?.[place] ?? null
    const [from, to] = [this.plain('startedAt')[place], this.plain('endedAt')[place]]
    return typeof from === 'number' && typeof to === 'number' ? to - from : null
  }

  /** The values of a column by place, for those who read all of it. */
  column(name: string): (place: number) => Cell {
    const own = name.startsWith('hparams.')
      ? this.hparams.get(name.slice(8))
      : name.startsWith('metrics.')
        ? this.metrics.get(name.slice(8))
        : undefined
    return own === undefined ? (place) => this.at(name, place) : (place) => own[place] ?? null
  }

  /** A number that is finite, or NaN. */
  numberAt(column: string, place: number): number {
    const value = this.at(column, place)
    return typeof value === 'number' ? value : NaN
  }

  /** Whether a trial keeps the limits of an objective: one that breaks one has no value of it. */
  keeps(place: number, limits: readonly Limit[]): boolean {
    return limits.every(({ metric, atLeast = -Infinity, atMost = Infinity }) => {
      const value = this.metrics.get(metric)?.[place]
      return typeof value === 'number' && value >= atLeast && value <= atMost
    })
  }

  /** Places in the order of the results' ends: only trials that are done, came to a value and keep the limits. */
  byEnd({ metric: name, limits = [] }: Objective): readonly number[] {
    const key = JSON.stringify([name, limits])
    const known = this.#byEnd.get(key)
    if (known !== undefined) return known
    const metric = this.metrics.get(name) ?? []
    const ended = this.plain('endedAt')
    const places: number[] = []
    for (let place = 0; place < this.count; place += 1) {
      if (this.state(place) !== 'done' || typeof metric[place] !== 'number' || !this.keeps(place, limits)) continue
      places.push(place)
    }
    places.sort((a, b) => Number(ended[a] ?? 0) - Number(ended[b] ?? 0) || a - b)
    this.#byEnd.set(key, places)
    return places
  }

  /** Places of the trials that are done, best first. */
  ranked(objective: Objective): number[] {
    const metric = this.metrics.get(objective.metric) ?? []
    const sign = objective.direction === 'minimize' ? 1 : -1
    return [...this.byEnd(objective)].sort((a, b) => sign * ((metric[a] as number) - (metric[b] as number)) || a - b)
  }

  /** The names of the hparams that are worth a column: those that were searched, or else those that differ. */
  differing(searched: readonly string[]): string[] {
    if (searched.length > 0) return searched.filter((name) => this.hparams.has(name))
    return [...this.hparams]
      .filter(([, values]) => new Set(values.map((each) => JSON.stringify(each))).size > 1)
      .map(([name]) => name)
  }
}

function within<K>(columns: Map<K, Cell[]>, name: K): Cell[] {
  let column = columns.get(name)
  if (column === undefined) columns.set(name, (column = []))
  return column
}

/** Every named column gets a value for each place, so that an old one does not stay. */
function fill(
  columns: Map<string, Cell[]>,
  given: Readonly<Record<string, readonly Cell[]>>,
  places: readonly number[],
): void {
  for (const name of Object.keys(given)) within(columns, name)
  for (const [name, column] of columns) {
    const values = Object.hasOwn(given, name) ? given[name] : undefined
    for (const [at, place] of places.entries()) column[place] = values?.[at] ?? null
  }
}

/** The part of the space that a name stands for. */
export function parameterOf(space: SearchSpace, name: string): Parameter | undefined {
  return Object.hasOwn(space, name) ? space[name] : undefined
}
