/** Filters by state, by rank and by range. The same ranges are drawn with the mouse in the charts; here the keyboard sets them. */
import { useState } from 'preact/hooks'
import type { TrialState } from '../../history/index.ts'
import { boundsText } from '../charts/parallel.ts'
import { plural } from '../words.ts'
import { Toggle } from './pieces.tsx'
import type { PartProps } from './search.tsx'
import { change, clearFilters, view } from './view-state.ts'

const states = ['running', 'done', 'pruned', 'failed', 'cancelled', 'queued'] as const

export function Filters({ store, standing, derived }: PartProps) {
  const { mask, axis } = derived
  const { states: wanted, top, bounds, chosen } = view.value
  const { counts } = standing
  const turn = (state: TrialState) =>
    change({ states: wanted.includes(state) ? wanted.filter((one) => one !== state) : [...wanted, state] })
  const filtered = wanted.length > 0 || top !== null || Object.keys(bounds).length > 0
  return (
    <div class="filters sticky" role="search" aria-label="Filter trials">
      {states.map((state) =>
        counts[state] === 0 && !wanted.includes(state) ? null : (
          <Toggle key={state} on={wanted.includes(state)} onTurn={() => turn(state)}>
            {state} <span class="count">{counts[state]}</span>
          </Toggle>
        ),
      )}
      <label class="choose">
        <span>best</span>
        <input
          type="number"
          min="1"
          class="short"
          placeholder="all"
          value={top ?? ''}
          onInput={(event) => {
            const count = Math.floor(Number(event.currentTarget.value))
            change({ top: count > 0 ? count : null })
          }}
        />
      </label>
      <RangeForm store={store} standing={standing} derived={derived} />
      {Object.entries(bounds).map(([column, range]) => (
        <button
          type="button"
          class="chip"
          key={column}
          title="Let go"
          onClick={() => {
            const { [column]: _, ...rest } = bounds
            change({ bounds: rest })
          }}
        >
          {column.replace(/^(hparams|metrics)\./, '')} {boundsText(axis(column), range)} ✕
        </button>
      ))}
      <span class="filters-end">
        <span aria-live="polite">
          {mask.count === store.trials.count
            ? plural(mask.count, 'trial')
            : `${mask.count} of ${plural(store.trials.count, 'trial')}`}
          {chosen.length > 0 && <>, {chosen.length} chosen</>}
        </span>
        {(filtered || chosen.length > 0) && (
          <button type="button" class="button" onClick={clearFilters}>
            Clear
          </button>
        )}
      </span>
    </div>
  )
}

/** A range by its numbers. */
function RangeForm({ store, standing }: PartProps) {
  const names = [
    ...store.trials.differing(standing.searched).map((name) => `hparams.${name}`),
    ...[...store.trials.metrics.keys()].map((name) => `metrics.${name}`),
    'durationMs',
  ]
  const [column, setColumn] = useState('')
  const [low, setLow] = useState('')
  const [high, setHigh] = useState('')
  const apply = (event: Event) => {
    event.preventDefault()
    if (column === '' || (low === '' && high === '')) return
    change({
      bounds: {
        ...view.value.bounds,
        [column]: [low === '' ? -Number.MAX_VALUE : Number(low), high === '' ? Number.MAX_VALUE : Number(high)],
      },
    })
  }
  return (
    <details class="range">
      <summary>range</summary>
      <form onSubmit={apply} class="range-form">
        <select aria-label="Column" value={column} onChange={(event) => setColumn(event.currentTarget.value)}>
          <option value="">column</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name.replace(/^(hparams|metrics)\./, '')}
            </option>
          ))}
        </select>
        <input
          type="number"
          step="any"
          class="short"
          placeholder="from"
          aria-label="From"
          value={low}
          onInput={(event) => setLow(event.currentTarget.value)}
        />
        <input
          type="number"
          step="any"
          class="short"
          placeholder="to"
          aria-label="To"
          value={high}
          onInput={(event) => setHigh(event.currentTarget.value)}
        />
        <button type="submit" class="button">
          Keep
        </button>
      </form>
    </details>
  )
}
