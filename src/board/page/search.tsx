/** A search: every chart of it, tied together by one selection. */
import { useMemo } from 'preact/hooks'
import { barsChart, barsHeight } from '../charts/bars.ts'
import { bestChart } from '../charts/best.ts'
import { paretoChart } from '../charts/pareto.ts'
import { contourChart, sliceChart } from '../charts/slices.ts'
import type { Importances, Standing } from '../wire.ts'
import { useAsked } from './asked.ts'
import { ChartBox } from './chart-box.tsx'
import { Compare } from './compare.tsx'
import { CurvesPanel, GroupsPanel } from './curves-panel.tsx'
import { useDerived, type Derived } from './derived.ts'
import type { ExperimentStore } from './experiment-store.ts'
import { Filters } from './filters.tsx'
import { ParallelPanel } from './parallel.tsx'
import { Choose, Toggle } from './pieces.tsx'
import { source } from './source.ts'
import { TrialTable } from './table.tsx'
import { TimelinePanel } from './timeline.tsx'
import { change, choose, seen, turnLog } from './view-state.ts'

export interface PartProps {
  readonly store: ExperimentStore
  readonly standing: Standing
  readonly derived: Derived
}

export function SearchPage({ store, standing }: Omit<PartProps, 'derived'>) {
  const derived = useDerived(store, standing)
  const { version, calm, chosen, goodness, axis } = derived
  const parts: PartProps = { store, standing, derived }
  const [first, second] = standing.objectives
  // Panels that do not follow each stroke of a brush get the same props as before, so Preact skips them.
  const still = [version, calm, chosen, goodness, axis, standing]
  const above = useMemo(
    () => (
      <>
        {first !== undefined && second !== undefined && <ParetoPanel {...parts} />}
        {second === undefined && <BestPanel {...parts} />}
        <CurvesPanel {...parts} />
        <GroupsPanel {...parts} />
        <TimelinePanel {...parts} />
      </>
    ),
    still,
  )
  const below = useMemo(
    () => (
      <>
        <ImportancePanel {...parts} />
        <ContourPanel {...parts} />
        <SlicePanels {...parts} />
        <Compare {...parts} />
      </>
    ),
    still,
  )
  const table = useMemo(() => <TrialTable {...parts} />, still)
  return (
    <>
      <Filters {...parts} />
      <div class="grid">
        {above}
        <ParallelPanel {...parts} />
        {below}
      </div>
      {table}
    </>
  )
}

function BestPanel({ store, standing, derived }: PartProps) {
  const { objective, calm, chosen, version } = derived
  const [across, log] = [seen.across.value, seen.log.value]
  const column = `metrics.${objective?.metric}`
  const isLog = log.includes(column)
  const chart = useMemo(
    () =>
      objective &&
      bestChart(store.trials, {
        objective,
        shown: calm.shown,
        chosen,
        log: isLog,
        across,
        startedAt: standing.startedAt,
      }),
    [version, objective, calm, chosen, isLog, across],
  )
  if (chart === undefined) return null
  const tools = (
    <>
      <Toggle on={across === 'time'} onTurn={() => change({ across: across === 'time' ? 'step' : 'time' })}>
        by time
      </Toggle>
      <Toggle on={isLog} onTurn={() => turnLog(column)}>
        log
      </Toggle>
    </>
  )
  return <ChartBox title="Best so far" chart={chart} height={300} onPick={choose} tools={tools} />
}

function ParetoPanel({ store, standing, derived }: PartProps) {
  const { calm, chosen, version } = derived
  const { objectives } = standing
  const [first, second] = objectives
  const chart = useMemo(
    () => first && second && paretoChart(store.trials, [first, second], { shown: calm.shown, chosen }),
    [version, calm, chosen, objectives],
  )
  if (chart === undefined) return null
  const note =
    objectives.length > 2 ? `The first two of ${objectives.length} objectives. ${chart.summary}.` : `${chart.summary}.`
  return <ChartBox title="Pareto front" chart={chart} height={300} onPick={choose} note={note} />
}

const settledOf = ({ done, pruned, failed }: Standing['counts']): number => done + pruned + failed

/** Counted on the board, and asked for when there are more results. */
function useImportance(standing: Standing): Importances {
  const settled = settledOf(standing.counts)
  // So often that it is up to date, and not once a result where there are thousands.
  const stage = settled < 200 ? settled : Math.floor(settled / 100)
  return useAsked(() => source.importance(standing.experiment), {}, [standing.experiment, stage])
}

function ImportancePanel({ standing, derived }: PartProps) {
  const shares = useImportance(standing)
  const metric = derived.objective?.metric
  const own = metric !== undefined && Object.hasOwn(shares, metric) ? shares[metric] : undefined
  const chart = useMemo(() => barsChart(own), [own])
  const height = Math.max(300, barsHeight(Object.keys(own ?? {}).length))
  return (
    <ChartBox
      title="What matters"
      chart={chart}
      height={height}
      note="How much of what the metric varies by over the whole space is each hparam's (Sobol indices of a Gaussian process)."
    />
  )
}

function ContourPanel({ store, standing, derived }: PartProps) {
  const { objective, axis, calm, chosen, goodness, version } = derived
  const names = store.trials.differing(standing.searched)
  const [first = '', second = ''] = seen.pair.value ?? names
  const chart = useMemo(() => {
    if (objective === undefined || second === '') return undefined
    const side = (name: string) => ({ column: `hparams.${name}`, title: name, scale: axis(`hparams.${name}`) })
    return contourChart(store.trials, {
      a: side(first),
      b: side(second),
      objective,
      shown: calm.shown,
      chosen,
      goodness,
    })
  }, [version, objective, first, second, axis, calm, chosen, goodness])
  if (chart === undefined) return null
  const options = names.map((name) => [name, name] as const)
  const tools = (
    <>
      <Choose label="x" value={first} options={options} onChange={(name) => change({ pair: [name, second] })} />
      <Choose label="y" value={second} options={options} onChange={(name) => change({ pair: [first, name] })} />
    </>
  )
  return (
    <ChartBox
      title="Two hparams together"
      chart={chart}
      height={300}
      tools={tools}
      onPick={choose}
      note="Brighter is better; the ground is interpolated between the results."
    />
  )
}

const mostSlices = 12

function SlicePanels({ store, standing, derived }: PartProps) {
  const { objective } = derived
  const names = store.trials.differing(standing.searched).slice(0, mostSlices)
  if (objective === undefined || names.length === 0) return null
  return (
    <section class="panel wide" aria-label="Slices">
      <header class="panel-head">
        <h2>Slices</h2>
      </header>
      <div class="slices">
        {names.map((name) => (
          <Slice key={name} name={name} store={store} standing={standing} derived={derived} />
        ))}
      </div>
    </section>
  )
}

function Slice({ name, store, derived }: PartProps & { readonly name: string }) {
  const { objective, axis, calm, chosen, goodness, version } = derived
  const column = `hparams.${name}`
  const chart = useMemo(
    () =>
      objective &&
      sliceChart(store.trials, {
        column,
        title: name,
        x: axis(column),
        y: axis(`metrics.${objective.metric}`),
        objective,
        shown: calm.shown,
        chosen,
        goodness,
      }),
    [version, objective, axis, calm, chosen, goodness],
  )
  return chart === undefined ? null : <ChartBox title={name} chart={chart} height={200} onPick={choose} />
}
