/** One experiment: its head, and below it the page of its kind or of one of its trials. */
import { useEffect, useState } from 'preact/hooks'
import { visibleLines } from '../../words/index.ts'
import { ago, number, percent, plural } from '../words.ts'
import type { Standing } from '../wire.ts'
import { AblationPage } from './ablation.tsx'
import { Controls } from './controls.tsx'
import { ExperimentStore } from './experiment-store.ts'
import { CountsBar, Elapsed, Empty, Pill, Stat, WaitingNote } from './pieces.tsx'
import { link } from './route.ts'
import { SearchPage } from './search.tsx'
import { source } from './source.ts'
import { connection, now } from './stream.ts'
import { TrainingPage } from './training.tsx'
import { TrialPage } from './trial.tsx'

export function ExperimentPage({ id, rest }: { readonly id: string; readonly rest: readonly string[] }) {
  const [store, setStore] = useState<ExperimentStore | null>(null)
  useEffect(() => {
    const opened = new ExperimentStore(id)
    setStore(opened)
    return () => opened.close()
  }, [id])
  if (connection.value === 'unknown') {
    return (
      <Empty title={`There is no experiment ${id}`}>
        <p>
          <a href={link()}>All experiments</a>
        </p>
      </Empty>
    )
  }
  const standing = store?.standing.value ?? null
  if (store === null || standing === null) return <Empty title="Reading the experiment …" />
  const trial = rest[0] === 'trial' ? Number(rest[1]) : null
  return (
    <>
      <Head standing={standing} store={store} trial={trial} />
      {trial !== null ? (
        <TrialPage store={store} standing={standing} trial={trial} />
      ) : (
        <Body store={store} standing={standing} />
      )}
    </>
  )
}

function Body({ store, standing }: { readonly store: ExperimentStore; readonly standing: Standing }) {
  if (standing.kind === 'ablation') return <AblationPage store={store} standing={standing} />
  if (standing.kind === 'training') return <TrainingPage store={store} standing={standing} />
  return <SearchPage store={store} standing={standing} />
}

function Head({
  standing,
  store,
  trial,
}: {
  readonly standing: Standing
  readonly store: ExperimentStore
  readonly trial: number | null
}) {
  const { experiment, name, contextName, kind, state, plugins, seed, notes, problem, conclusion, holes, driver } =
    standing
  const by = plugins.optimizer ?? plugins.ablator
  const words = [
    kind,
    by === undefined ? '' : `by ${by}`,
    plugins.pruner === undefined ? '' : `pruned by ${plugins.pruner}`,
    `seed ${seed}`,
  ].filter(Boolean)
  return (
    <div class="page-head">
      <div class="head-line">
        <h1>
          <a href={link('x', experiment)}>{name}</a> <span class="context">{contextName}</span>
          {trial !== null && <span class="crumb"> / trial {trial}</span>}
        </h1>
        <Pill state={store.waiting.value === null ? state : 'waiting'} />
        <div class="head-end">
          <Controls standing={standing} />
          {source.kind === 'live' && (
            <a class="button" href={`/api/report/${experiment}`} download>
              Report
            </a>
          )}
        </div>
      </div>
      <p class="sub">
        <span class="mono">{experiment}</span> · {words.join(' · ')}
        {driver !== null && <> · driver {driver}</>}
      </p>
      <WaitingNote waiting={store.waiting.value} />
      {problem !== undefined && (
        <div class="banner bad" role="alert">
          <strong>{problem.code}: </strong>
          {visibleLines(problem.message)}
          {problem.remedy !== undefined && <div>{problem.remedy}</div>}
        </div>
      )}
      {holes !== undefined && (
        <div class="banner warn">
          Its log lacks {holes.events === 0 ? 'events' : plural(holes.events, 'event')}: what is shown is what is left.
        </div>
      )}
      {conclusion !== undefined && <p class="note">Ended by its rule: {conclusion}.</p>}
      {notes.length > 0 && (
        <details class="notes">
          <summary>{plural(notes.length, 'note')}</summary>
          <ul>
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
      {trial === null && standing.kind !== 'training' && <Figures standing={standing} store={store} />}
    </div>
  )
}

function Figures({ standing, store }: { readonly standing: Standing; readonly store: ExperimentStore }) {
  const { counts, wanted, objectives, best, startedAt, endedAt, utilization, experiment } = standing
  const version = store.version.value
  const metric = objectives[0]?.metric
  const place = best === null ? undefined : store.trials.place(best)
  const value =
    version >= 0 && place !== undefined && metric !== undefined ? store.trials.metrics.get(metric)?.[place] : null
  const over = counts.done + counts.pruned + counts.failed + counts.cancelled
  return (
    <div class="stats">
      {best !== null && (
        <Stat label={`best ${metric}`}>
          <a href={link('x', experiment, 'trial', best)}>{number(value)}</a> <small>trial {best}</small>
        </Stat>
      )}
      <Stat label="trials">
        {over} <small>of {wanted}</small>
        <CountsBar counts={counts} wanted={wanted} />
      </Stat>
      <Stat label="running">
        {counts.running} <small>{counts.queued > 0 ? `${counts.queued} queued` : ''}</small>
      </Stat>
      <Stat label="stopped early">{counts.pruned}</Stat>
      {counts.failed > 0 && (
        <Stat label="failed">
          <span class="bad">{counts.failed}</span>
        </Stat>
      )}
      <Stat label={endedAt === null ? 'time so far' : 'took'}>
        <Elapsed from={startedAt} to={endedAt} /> <small>{ago(startedAt, now())}</small>
      </Stat>
      {utilization !== null && (
        <Stat label="slots busy" hint="the part of the time in which a slot had an attempt running">
          {percent(utilization)}
        </Stat>
      )}
    </div>
  )
}
