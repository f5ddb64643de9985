/** The fleet: who is there, what runs where, and how busy it is. */
import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { bytesText } from '../../words/index.ts'
import { busyChart } from '../charts/busy.ts'
import { ago, plural } from '../words.ts'
import type { FleetFrame, WorkerCard } from '../wire.ts'
import { ChartBox } from './chart-box.tsx'
import { Empty, Pill, Stat } from './pieces.tsx'
import { link } from './route.ts'
import { source } from './source.ts'
import { now } from './stream.ts'
import { useNow } from './timeline.tsx'

const fleet = signal<FleetFrame | null>(null)

export function FleetPage() {
  useEffect(() => {
    const stream = source.fleet({
      frame(frame) {
        fleet.value = frame
      },
    })
    return () => stream.close()
  }, [])
  const at = useNow(true)
  const frame = fleet.value
  const slots = useMemo(
    () =>
      (frame?.workers ?? [])
        .filter(({ state }) => state === 'here' || state === 'silent')
        .flatMap((worker) => worker.slots),
    [frame],
  )
  const chart = useMemo(() => busyChart(frame?.recent ?? [], frame?.stays ?? [], at), [frame, at])
  if (frame === null) return <Empty title="Listening for workers …" />
  const { workers, drivers, actors, recent, stays } = frame
  const lost = recent.filter(({ ending }) => ending === 'lost' || ending === 'crashed' || ending === 'oom').length
  return (
    <>
      <div class="page-head">
        <h1>Fleet</h1>
        <div class="stats">
          <Stat label="workers">{workers.filter(({ state }) => state === 'here').length}</Stat>
          <Stat label="slots busy">
            {slots.filter(({ running }) => running !== null).length} <small>of {slots.length}</small>
          </Stat>
          <Stat label="drivers">{drivers.filter(({ state }) => state === 'here').length}</Stat>
          <Stat label="workers lost" hint="in the last half hour">
            {stays.filter(({ went }) => went === 'lost').length}
          </Stat>
          <Stat label="attempts lost" hint="in the last half hour">
            {lost}
          </Stat>
        </div>
      </div>
      <div class="grid">
        <ChartBox
          title="Busy slots"
          wide
          chart={chart}
          height={200}
          note="Filled: slots with an attempt in them. Dashed: slots that were there. Green marks: workers that came; red: lost; brown: gone by themselves. Of the last half hour, as far as the board knows."
        />
      </div>
      {workers.length === 0 ? (
        <Empty title="No worker is there">
          <p>
            Start one: <code>maggy worker</code>. It shows up here by itself.
          </p>
        </Empty>
      ) : (
        <ul class="workers">
          {[...workers.filter(isHere), ...workers.filter((worker) => !isHere(worker))].map((worker) => (
            <Worker key={worker.worker} {...worker} />
          ))}
        </ul>
      )}
      <section class="panel wide" aria-label="Other actors">
        <header class="panel-head">
          <h2>Other actors</h2>
        </header>
        <ul class="plain">
          {drivers.map(({ driver, experiments, state }) => (
            <li key={driver}>
              <Pill state={state} /> driver <span class="mono">{driver}</span>:{' '}
              {experiments.length === 0
                ? 'has no experiment'
                : experiments.map((id) => <ExperimentLink key={id} id={id} />)}
            </li>
          ))}
          {actors.map(({ actor, role, serves, language, host }) => (
            <li key={actor}>
              <Pill state="here" /> {role} <span class="mono">{actor}</span>:{' '}
              {serves.map(({ name }) => name).join(', ')}
              {language !== undefined && ` (${language})`}
              {host !== undefined && ` on ${host}`}
            </li>
          ))}
          {drivers.length + actors.length === 0 && <li>None has been heard since the board listens.</li>}
        </ul>
      </section>
    </>
  )
}

const isHere = ({ state }: Pick<WorkerCard, 'state'>): boolean => state === 'here' || state === 'silent'

const ExperimentLink = ({ id }: { readonly id: string }) => (
  <>
    <a href={link('x', id)}>{id}</a>{' '}
  </>
)

function Worker({ worker, info, slots, draining, unacknowledged, state, heardAt }: WorkerCard) {
  const isThere = isHere({ state })
  return (
    <li class={`panel worker ${state}`}>
      <header class="panel-head">
        <h2 class="mono">{worker}</h2>
        <Pill state={draining ? 'draining' : state} />
      </header>
      <p class="sub">
        {info === null
          ? 'It has not said more of itself.'
          : `${info.host}, ${plural(info.cores, 'core')}, ${bytesText(info.memoryBytes)}, ${info.backend}, maggy ${info.versions['maggy'] ?? '?'}, node ${info.versions['node'] ?? '?'}`}
        {info !== null && Object.entries(info.labels).map(([name, value]) => ` · ${name}=${value}`)}
      </p>
      {!isThere && <p class="note">Heard last {ago(heardAt, now())}; what it had then:</p>}
      <ul class="slots">
        {slots.map(({ slot, running, next, driver }) => (
          <li key={slot} class={running === null || !isThere ? 'slot idle' : 'slot busy'}>
            <span class="slot-number">{slot}</span>
            {running === null ? (
              <span class="sub">{driver === null ? 'free' : `idle, leased by ${driver}`}</span>
            ) : (
              <span>
                <a href={link('x', running.experiment, 'trial', running.trial)}>trial {running.trial}</a>{' '}
                <span class="sub">{running.experiment}</span>
                {running.attempt > 1 && <span class="sub"> attempt {running.attempt}</span>}
                {next !== null && <span class="sub"> · then trial {next.trial}</span>}
              </span>
            )}
          </li>
        ))}
      </ul>
      {unacknowledged > 0 && <p class="note">{plural(unacknowledged, 'result')} not acknowledged yet.</p>}
    </li>
  )
}
