/** A training on several workers: the ring, its pace, and the loss with what happened to the ring on it. */
import { useEffect, useMemo } from 'preact/hooks'
import { curvesChart, type Curve, type Mark } from '../charts/curves.ts'
import { ringChart, type RingStanding } from '../charts/ring.ts'
import { marksOf } from '../model/generations.ts'
import type { Standing } from '../wire.ts'
import { number, percent, plural } from '../words.ts'
import { ChartBox } from './chart-box.tsx'
import { reportedMetrics } from './curves-panel.tsx'
import { useDerived } from './derived.ts'
import type { ExperimentStore } from './experiment-store.ts'
import { Elapsed, Stat, Toggle } from './pieces.tsx'
import { link } from './route.ts'
import { TimelinePanel } from './timeline.tsx'
import { TrialTable } from './table.tsx'
import { turnLog, view } from './view-state.ts'

const only = 0

export function TrainingPage({ store, standing }: { readonly store: ExperimentStore; readonly standing: Standing }) {
  const derived = useDerived(store, standing)
  const parts = { store, standing, derived }
  const running = store.progress.value?.running.find(({ trial }) => trial === only)
  const ring = running?.ring ?? null
  const isOver = standing.endedAt !== null
  const chart = useMemo(() => ringChart(ring, isOver), [ring, isOver])
  const settings = standing.ring
  return (
    <>
      <div class="stats">
        <Stat label={standing.endedAt === null ? 'time so far' : 'took'}>
          <Elapsed from={standing.startedAt} to={standing.endedAt} />
        </Stat>
        <RingStats ring={ring} />
      </div>
      {ring?.straggler != null && (
        <div class="banner warn" role="status">
          The others wait for <span class="mono">{ring.straggler.worker}</span>, which takes{' '}
          {number(ring.straggler.times)} times as long.
        </div>
      )}
      <div class="grid">
        <ChartBox
          title="The ring"
          chart={chart}
          height={320}
          note={
            settings === null
              ? undefined
              : `${settings.min === settings.max ? settings.max : `${settings.min} to ${settings.max}`} workers, ${settings.algorithm}, ${settings.encoding}. The arc is the part of a step that is spent computing.`
          }
        />
        <LossPanels {...parts} />
        <GenerationList store={store} />
        <TimelinePanel {...parts} />
      </div>
      <p class="note">
        <a href={link('x', standing.experiment, 'trial', only)}>Hparams, attempts and output of the training</a>
      </p>
      <TrialTable {...parts} />
    </>
  )
}

function RingStats({ ring }: { readonly ring: RingStanding | null }) {
  if (ring === null) return null
  return (
    <>
      <Stat label="step">{ring.step ?? '–'}</Stat>
      <Stat label="members">
        {ring.members.length} <small>of {ring.wanted}</small>
      </Stat>
      <Stat label="samples/s">{number(ring.samplesPerSecond)}</Stat>
      <Stat label="communication" hint="the part of a step that is spent waiting for the ring">
        {percent(ring.communication)}
      </Stat>
      <Stat label="generation" hint="how often the ring was formed anew">
        {ring.generation}
      </Stat>
    </>
  )
}

function LossPanels({
  store,
  standing,
  derived,
}: {
  readonly store: ExperimentStore
  readonly standing: Standing
  readonly derived: { readonly version: number }
}) {
  useEffect(() => store.want([only]), [])
  const drawn = store.drawn.value
  const generations = store.generations.value
  const names = useMemo(() => reportedMetrics(store.curves, standing.objectives[0]?.metric), [drawn])
  const marks = useMemo(() => marksOf(generations, store.curves.get(only)), [generations, drawn])
  if (names.length === 0) return <Loss name="loss" store={store} marks={marks} version={derived.version} />
  return (
    <>
      {names.map((name) => (
        <Loss key={name} name={name} store={store} marks={marks} version={derived.version} />
      ))}
    </>
  )
}

function Loss({
  name,
  store,
  marks,
  version,
}: {
  readonly name: string
  readonly store: ExperimentStore
  readonly marks: readonly Mark[]
  readonly version: number
}) {
  const drawn = store.drawn.value
  const isLog = view.value.log.includes(`curve.${name}`)
  const chart = useMemo(() => {
    const series = store.curves.get(only)
    const place = store.trials.place(only)
    const state = place === undefined ? 'running' : store.trials.state(place)
    const curves: Curve[] = series === undefined ? [] : [{ series, state, why: null, chosen: false, group: null }]
    return curvesChart(curves, { metric: name, across: 'step', log: isLog, best: null, marks })
  }, [drawn, version, name, isLog, marks])
  const tools = (
    <Toggle on={isLog} onTurn={() => turnLog(`curve.${name}`)}>
      log
    </Toggle>
  )
  return <ChartBox title={name} chart={chart} height={320} tools={tools} />
}

function GenerationList({ store }: { readonly store: ExperimentStore }) {
  const generations = store.generations.value
  if (generations.length === 0) return null
  return (
    <section class="panel" aria-label="Generations">
      <header class="panel-head">
        <h2>Who trained, and when</h2>
      </header>
      <ol class="parts">
        {generations.toReversed().map(({ generation, at, members }, index, all) => {
          const before = all[index + 1]?.members ?? []
          const came = members.filter((name) => !before.includes(name))
          const went = before.filter((name) => !members.includes(name))
          return (
            <li key={`${generation}-${at}`} class="part">
              <span class="part-kind">{new Date(at).toLocaleTimeString()}</span>
              <span class="part-name">
                generation {generation}: {plural(members.length, 'member')}
              </span>
              <span class="part-delta">
                {came.length > 0 && before.length > 0 && <span class="good">+ {came.join(', ')} </span>}
                {went.length > 0 && <span class="bad">− {went.join(', ')}</span>}
              </span>
            </li>
          )
        })}
      </ol>
    </section>
  )
}
