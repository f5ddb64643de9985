/** One trial: what it was given, what it reported and printed, and what became of its attempts. */
import { Fragment } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { AttemptRecord } from '../../history/index.ts'
import { curvesChart, type Curve } from '../charts/curves.ts'
import { visibleLines } from '../../words/index.ts'
import { beginOf, waits } from '../model/attempts.ts'
import { Series } from '../series.ts'
import type { CurveColumns, OutputRow, Standing } from '../wire.ts'
import { duration, inLine, number, value as valueText } from '../words.ts'
import { useAsked } from './asked.ts'
import { ChartBox } from './chart-box.tsx'
import type { ExperimentStore } from './experiment-store.ts'
import { Empty, Pill, Stat, Toggle } from './pieces.tsx'
import { link } from './route.ts'
import { source } from './source.ts'
import { turnLog, view } from './view-state.ts'

interface TrialProps {
  readonly store: ExperimentStore
  readonly standing: Standing
  readonly trial: number
}

export function TrialPage(props: TrialProps) {
  const { store, standing, trial } = props
  const version = store.version.value
  const place = version < 0 ? undefined : store.trials.place(trial)
  if (place === undefined) {
    return (
      <Empty title={`There is no trial ${trial} yet`}>
        <p>
          <a href={link('x', standing.experiment)}>All trials of {standing.name}</a>
        </p>
      </Empty>
    )
  }
  const { trials } = store
  const why = trials.at('why', place)
  const from = trials.at('from', place)
  const took = trials.at('durationMs', place)
  const objective = standing.objectives[0]
  return (
    <>
      <div class="stats">
        <Stat label="state">
          <Pill state={trials.state(place)} />
        </Stat>
        {[...trials.metrics]
          .filter(([name, values]) => name === objective?.metric || typeof values[place] === 'number')
          .map(([name, values]) => (
            <Stat key={name} label={name === objective?.metric ? `${name} (objective)` : name}>
              {number(values[place])}
            </Stat>
          ))}
        <Stat label="took">{duration(typeof took === 'number' ? took : null)}</Stat>
        <Stat label="attempts">{valueText(trials.at('attempts', place))}</Stat>
        <Stat label="worker">
          <small class="mono">{valueText(trials.at('worker', place))}</small>
        </Stat>
      </div>
      {typeof why === 'string' && (
        <div class={`banner ${trials.state(place) === 'failed' ? 'bad' : 'warn'}`}>{visibleLines(why)}</div>
      )}
      {typeof from === 'number' && (
        <p class="note">
          Goes on from the checkpoint of <a href={link('x', standing.experiment, 'trial', from)}>trial {from}</a>.
        </p>
      )}
      <div class="grid">
        <TrialCurves {...props} />
        <HparamList {...props} place={place} />
        <AttemptTable {...props} />
        {source.kind === 'live' && <Output key={trial} experiment={standing.experiment} trial={trial} />}
      </div>
    </>
  )
}

const mostPoints = 4_096

/** The whole of the curves, once; what comes then is added by the store's stream. */
function TrialCurves({ store, standing, trial }: TrialProps) {
  useEffect(() => store.want([trial]), [trial])
  const old = useAsked<readonly CurveColumns[]>(() => source.points(standing.experiment, trial), [], [trial])
  const drawn = store.drawn.value
  const version = store.version.value
  const curves = useMemo(() => {
    const place = store.trials.place(trial)
    const live = store.curves.get(trial)
    const whole = new Map(old.map((columns) => [columns.attempt, Series.of(columns, mostPoints)]))
    // Lines that came since then are only in the live output.
    if (live !== undefined && (whole.get(live.attempt)?.next ?? 0) < live.next)
      whole.set(live.attempt, joined(whole.get(live.attempt), live))
    const last = Math.max(0, ...whole.keys())
    return [...whole.values()].map((series): Curve => {
      const state = place === undefined || series.attempt !== last ? 'cancelled' : store.trials.state(place)
      return { series, state, why: `attempt ${series.attempt}`, chosen: false, group: null }
    })
  }, [old, drawn, version])
  const names = [...new Set(curves.flatMap(({ series }) => [...series.values.keys()]))]
  if (names.length === 0) return <TrialCurve name={standing.objectives[0]?.metric ?? 'value'} curves={curves} />
  return (
    <>
      {names.map((name) => (
        <TrialCurve key={name} name={name} curves={curves} />
      ))}
    </>
  )
}

/** The points of a fine curve, and those of a coarse one that come after it. */
function joined(fine: Series | undefined, coarse: Series): Series {
  if (fine === undefined) return coarse
  const series = Series.of(fine.columns(), mostPoints)
  for (const [place, index] of coarse.index.entries()) {
    if (index < series.next) continue
    const values = Object.fromEntries([...coarse.values].map(([name, column]) => [name, column[place] ?? null]))
    series.skipTo(index)
    series.take(index, [{ step: coarse.step[place] ?? 0, at: coarse.at[place] ?? 0, values }])
  }
  return series
}

function TrialCurve({ name, curves }: { readonly name: string; readonly curves: readonly Curve[] }) {
  const isLog = view.value.log.includes(`curve.${name}`)
  const chart = useMemo(
    () => curvesChart(curves, { metric: name, across: 'step', log: isLog, best: null }),
    [curves, name, isLog],
  )
  const tools = (
    <Toggle on={isLog} onTurn={() => turnLog(`curve.${name}`)}>
      log
    </Toggle>
  )
  return <ChartBox title={name} chart={chart} height={240} tools={tools} />
}

function HparamList({ store, standing, place }: TrialProps & { readonly place: number }) {
  const names = [...store.trials.hparams.keys()].filter((name) => store.trials.at(`hparams.${name}`, place) !== null)
  const searched = (name: string) => standing.searched.includes(name)
  const without = store.trials.at('without', place)
  return (
    <section class="panel" aria-label="Hparams">
      <header class="panel-head">
        <h2>Hparams</h2>
      </header>
      <dl class="pairs">
        {typeof without === 'string' && (
          <>
            <dt>without</dt>
            <dd>{without === '' ? 'nothing (base)' : without}</dd>
          </>
        )}
        {[...names.filter(searched), ...names.filter((name) => !searched(name))].map((name) => (
          <Fragment key={name}>
            <dt class={searched(name) ? 'strong' : ''}>{name}</dt>
            <dd>{valueText(store.trials.at(`hparams.${name}`, place))}</dd>
          </Fragment>
        ))}
      </dl>
      {names.length === 0 && <p class="note">It was given none.</p>}
    </section>
  )
}

function AttemptTable({ store, trial, standing }: TrialProps) {
  const version = store.version.value
  const attempts = useMemo(() => store.attempts.of(trial), [version, trial])
  const running = store.progress.value?.running.find((one) => one.trial === trial)
  const state = store.trials.stateOf(trial)
  return (
    <section class="panel wide" aria-label="Attempts">
      <header class="panel-head">
        <h2>Attempts</h2>
      </header>
      {attempts.length === 0 && <p class="note">It waits for a slot.</p>}
      {attempts.length > 0 && (
        <div class="table-frame auto" tabIndex={0} role="region" aria-label="Attempts, a table that scrolls">
          <table>
            <thead>
              <tr>
                {['attempt', 'where', 'began', 'took', 'ended', 'why', 'checkpoint'].map((title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {attempts.map((attempt) => (
                <tr key={attempt.attempt}>
                  <td>
                    {attempt.attempt} <small>of at most {standing.maxAttempts}</small>
                  </td>
                  <td class="mono">
                    {attempt.worker}/{attempt.slot}
                  </td>
                  <td>{new Date(beginOf(attempt)).toLocaleTimeString()}</td>
                  <td class="number">
                    {attempt.endedAt === null ? '–' : duration(attempt.endedAt - beginOf(attempt))}
                  </td>
                  <td>
                    {waits(attempt, state) ? 'waits behind another trial' : endingText(attempt, running?.step ?? null)}
                  </td>
                  <td class="text">{attempt.reason === null ? '' : inLine(attempt.reason)}</td>
                  <td>{attempt.checkpoint ? 'kept' : '–'}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function endingText({ ending }: AttemptRecord, step: number | null): string {
  if (ending !== null) return ending
  return step === null ? 'under way' : `under way, step ${step}`
}

const mostLines = 2_000

function Output({ experiment, trial }: { readonly experiment: string; readonly trial: number }) {
  const [lines, setLines] = useState<readonly OutputRow[]>([])
  const [cut, setCut] = useState(false)
  const frame = useRef<HTMLPreElement>(null)
  const stay = useRef(true)
  useEffect(() => {
    const stream = source.output(experiment, trial, {
      frame(said) {
        if (said.whole === true) setCut(said.cut === true)
        setLines((before) => [...(said.whole === true ? [] : before), ...said.lines].slice(-mostLines))
      },
    })
    return () => stream.close()
  }, [experiment, trial])
  useEffect(() => {
    if (stay.current && frame.current !== null) frame.current.scrollTop = frame.current.scrollHeight
  }, [lines])
  return (
    <section class="panel wide" aria-label="Output">
      <header class="panel-head">
        <h2>Output</h2>
      </header>
      {lines.length === 0 ? (
        <p class="note">It has printed nothing.</p>
      ) : (
        <pre
          class="output"
          ref={frame}
          tabIndex={0}
          role="log"
          aria-label="What the trial printed"
          onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
            stay.current = scrollTop + clientHeight > scrollHeight - 24
          }}
        >
          {cut && (
            <div class="sub">
              Older lines: maggy logs {experiment} {trial}
            </div>
          )}
          {lines.map((line, at) => (
            <div key={`${line.at}-${at}`} class={line.from}>
              <span class="at">{new Date(line.at).toLocaleTimeString()}</span> {visibleLines(line.text)}
            </div>
          ))}
        </pre>
      )}
    </section>
  )
}
