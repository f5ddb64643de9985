/** All experiments: how they stand, how far they are, what they have come to. */
import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { ExperimentState } from '../../history/index.ts'
import { ago, duration, number, plural } from '../words.ts'
import type { Card, HomeFrame, Waiting } from '../wire.ts'
import { CountsBar, Empty, Pill, Spark, Toggle } from './pieces.tsx'
import { link } from './route.ts'
import { source } from './source.ts'
import { now } from './stream.ts'

const cards = signal<ReadonlyMap<string, Card> | null>(null)
const waits = signal<ReadonlyMap<string, Waiting>>(new Map())
const fleet = signal<HomeFrame['fleet']>({ workers: 0, slots: 0, busy: 0 })
const wantedState = signal<ExperimentState | null>(null)
const words = signal('')

const states = ['running', 'paused', 'stopping', 'done', 'stopped', 'failed'] as const

export function Home() {
  useEffect(() => {
    const stream = source.home({
      frame(frame) {
        const next = new Map(frame.whole === true ? [] : (cards.value ?? []))
        for (const card of frame.experiments) next.set(card.experiment, card)
        cards.value = next
        waits.value = new Map(Object.entries(frame.waiting))
        fleet.value = frame.fleet
      },
    })
    return () => stream.close()
  }, [])
  if (cards.value === null) return <Empty title="Reading the log …" />
  const all = [...cards.value.values()].sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0))
  const text = words.value.toLowerCase()
  const fits = (card: Card) =>
    (wantedState.value === null || card.state === wantedState.value) &&
    `${card.experiment} ${card.name} ${card.contextName}`.toLowerCase().includes(text)
  const shown = all.filter(fits)
  const { workers, slots, busy } = fleet.value
  return (
    <>
      <div class="page-head">
        <h1>Experiments</h1>
        <p class="sub">
          <a href={link('fleet')}>{plural(workers, 'worker')}</a>, {busy} of {plural(slots, 'slot')} busy
        </p>
      </div>
      <div class="filters" role="search">
        <input
          type="search"
          placeholder="Find by name"
          aria-label="Find experiments by name"
          value={words.value}
          onInput={(event) => (words.value = event.currentTarget.value)}
        />
        {states.map((state) => {
          const count = all.filter((card) => card.state === state).length
          return count === 0 ? null : (
            <Toggle
              key={state}
              on={wantedState.value === state}
              onTurn={() => (wantedState.value = wantedState.value === state ? null : state)}
            >
              {state} <span class="count">{count}</span>
            </Toggle>
          )
        })}
      </div>
      {all.length === 0 ? (
        <Empty title="No experiment yet">
          <p>
            Start one: <code>maggy run MODULE.ts CONTEXT</code>. It shows up here by itself.
          </p>
        </Empty>
      ) : (
        <ul class="cards">
          {shown.map((card) => (
            <ExperimentCard key={card.experiment} card={card} waiting={waits.value.get(card.experiment)} />
          ))}
        </ul>
      )}
      {all.length > 0 && shown.length === 0 && <p class="note">No experiment fits.</p>}
    </>
  )
}

function ExperimentCard({ card, waiting }: { readonly card: Card; readonly waiting: Waiting | undefined }) {
  const {
    experiment,
    name,
    contextName,
    kind,
    state,
    counts,
    wanted,
    best,
    spark,
    objectives,
    startedAt,
    endedAt,
    problem,
  } = card
  const metric = objectives[0]?.metric
  const over = counts.done + counts.pruned + counts.failed + counts.cancelled
  return (
    <li class="card">
      <div class="card-name">
        <a href={link('x', experiment)}>{name}</a> <span class="context">{contextName}</span>
        <div class="sub mono">{experiment}</div>
      </div>
      <div class="card-state">
        <Pill state={waiting === undefined ? state : 'waiting'} />
        <div class="sub">{kind}</div>
      </div>
      <div class="card-progress">
        <CountsBar counts={counts} wanted={wanted} />
        <div class="sub">
          {over} / {wanted} {counts.running > 0 && <>· {counts.running} running</>}{' '}
          {counts.failed > 0 && <span class="bad">· {counts.failed} failed</span>}
        </div>
      </div>
      <div class="card-best">
        {best === null || metric === undefined ? (
          <span class="sub">
            {problem === undefined
              ? objectives.length > 1
                ? `${objectives.length} objectives`
                : 'no result yet'
              : problem.code}
          </span>
        ) : (
          <>
            <div class="big">{number(best.value)}</div>
            <div class="sub">{metric}</div>
          </>
        )}
      </div>
      <Spark values={spark} label={metric === undefined ? 'no curve' : `best ${metric} over time`} />
      <div class="card-time sub">
        <div>{ago(startedAt, now())}</div>
        <div>{startedAt === null ? '' : duration((endedAt ?? now()) - startedAt)}</div>
      </div>
      {waiting !== undefined && <p class="card-note">{waiting.message}</p>}
    </li>
  )
}
