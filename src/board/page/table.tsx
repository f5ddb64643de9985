/** All trials as a table: as many rows in the document as are to be seen, however many there are. */
import { useMemo, useRef, useState } from 'preact/hooks'
import { csvOf } from '../drawing/chart.ts'
import { sortedPlaces, windowOf } from '../model/rows.ts'
import { duration, inLine, value as valueText } from '../words.ts'
import { Pill, Toggle } from './pieces.tsx'
import { link } from './route.ts'
import { save } from './save.ts'
import type { PartProps } from './search.tsx'
import { change, choose, seen } from './view-state.ts'

const rowHeight = 34
const mostHeight = 560

interface Column {
  readonly key: string
  readonly title: string
  readonly text: (given: unknown) => string
  readonly numeric: boolean
}

function columnsOf({ store, standing }: PartProps): Column[] {
  const plain = (key: string, title: string, text = valueText, numeric = false): Column => ({
    key,
    title,
    text,
    numeric,
  })
  const { trials } = store
  const named =
    standing.kind === 'ablation'
      ? [plain('without', 'without', withoutText), plain('repeat', 'repeat', valueText, true)]
      : []
  return [
    ...named,
    ...[...trials.metrics.keys()].map((name) => plain(`metrics.${name}`, name, valueText, true)),
    ...trials.differing(standing.searched).map((name) => {
      const numeric = trials.hparams.get(name)?.every((given) => typeof given !== 'string') === true
      return plain(`hparams.${name}`, name, valueText, numeric)
    }),
    plain('durationMs', 'took', (ms) => duration(typeof ms === 'number' ? ms : null), true),
    plain('attempts', 'attempts', valueText, true),
    plain('worker', 'worker'),
    plain('why', 'why it ended', inLine),
  ]
}

export function TrialTable(props: PartProps) {
  const { store, standing, derived } = props
  const { version, calm, chosen } = derived
  const [sort, hidden] = [seen.sort.value, seen.hidden.value]
  const frame = useRef<HTMLDivElement>(null)
  const [scrollTop, setScrollTop] = useState(0)
  const all = useMemo(() => columnsOf(props), [version])
  const columns = all.filter(({ key }) => !hidden.includes(key))
  const places = useMemo(() => sortedPlaces(store.trials, calm.shown, sort), [version, calm, sort])
  const height = Math.min(mostHeight, (places.length + 1) * rowHeight + 18)
  const { first, end } = windowOf(scrollTop, height, rowHeight, places.length)
  const cell = (place: number, { key, text }: Column) => text(store.trials.at(key, place))
  const saveCsv = () => {
    const rows = places.map((place) => [
      store.trials.number(place),
      store.trials.state(place),
      ...columns.map((column) => numberOr(store.trials.at(column.key, place))),
    ])
    save('trials.csv', 'text/csv', csvOf({ columns: ['trial', 'state', ...columns.map(({ title }) => title)], rows }))
  }
  return (
    <section class="panel wide" aria-label="Trials">
      <header class="panel-head">
        <h2>Trials</h2>
        <div class="tools">
          <details class="save">
            <summary>columns</summary>
            <div class="save-list">
              {all.map(({ key, title }) => (
                <Toggle
                  key={key}
                  on={!hidden.includes(key)}
                  onTurn={() =>
                    change({ hidden: hidden.includes(key) ? hidden.filter((one) => one !== key) : [...hidden, key] })
                  }
                >
                  {title}
                </Toggle>
              ))}
            </div>
          </details>
          <button type="button" class="toggle" onClick={saveCsv}>
            CSV
          </button>
        </div>
      </header>
      <div
        class="table-frame"
        ref={frame}
        tabIndex={0}
        role="region"
        aria-label="Trials, a table that scrolls"
        style={{ height: `${height}px` }}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
      >
        <table aria-rowcount={places.length + 1}>
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">chosen</span>
              </th>
              <SortHead title="trial" column="trial" />
              <SortHead title="state" column="state" />
              {columns.map(({ key, title, numeric }) => (
                <SortHead key={key} title={title} column={key} numeric={numeric} />
              ))}
            </tr>
          </thead>
          <tbody>
            <tr aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />
            {places.slice(first, end).map((place, at) => {
              const trial = store.trials.number(place)
              return (
                <tr
                  key={trial}
                  aria-rowindex={first + at + 2}
                  class={`${chosen.has(trial) ? 'chosen' : ''} ${trial === standing.best ? 'best' : ''}`}
                >
                  <td>
                    <input
                      type="checkbox"
                      checked={chosen.has(trial)}
                      aria-label={`Choose trial ${trial}`}
                      onChange={() => choose(trial)}
                    />
                  </td>
                  <td class="number">
                    <a href={link('x', standing.experiment, 'trial', trial)}>{trial}</a>
                  </td>
                  <td>
                    <Pill state={store.trials.state(place)} />
                  </td>
                  {columns.map((column) => (
                    <td key={column.key} class={column.numeric ? 'number' : 'text'} title={cell(place, column)}>
                      {cell(place, column)}
                    </td>
                  ))}
                </tr>
              )
            })}
            <tr aria-hidden="true" style={{ height: `${Math.max(0, places.length - end) * rowHeight}px` }} />
          </tbody>
        </table>
      </div>
    </section>
  )
}

function SortHead({
  title,
  column,
  numeric = false,
}: {
  readonly title: string
  readonly column: string
  readonly numeric?: boolean
}) {
  const sort = seen.sort.value
  const own = sort.column === column
  const order = own ? (sort.down ? 'descending' : 'ascending') : 'none'
  return (
    <th scope="col" aria-sort={order} class={numeric ? 'number' : ''}>
      <button type="button" onClick={() => change({ sort: { column, down: own ? !sort.down : false } })}>
        {title} {own ? (sort.down ? '↓' : '↑') : ''}
      </button>
    </th>
  )
}

const withoutText = (given: unknown): string => (given === '' ? 'nothing (base)' : valueText(given))

const numberOr = (given: unknown): string | number | null =>
  typeof given === 'number' ? given : given === null ? null : valueText(given)
