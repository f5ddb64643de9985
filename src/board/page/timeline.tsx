/** Lanes of slots, and what it was worth that nobody waited for anybody. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import { timelineChart, timelineHeight } from '../charts/timeline.ts'
import { savingsOf, waits, type Savings } from '../model/attempts.ts'
import { duration, percent, plural } from '../words.ts'
import { ChartBox } from './chart-box.tsx'
import type { PartProps } from './search.tsx'
import { writtenAt } from './source.ts'
import { now } from './stream.ts'
import { choose } from './view-state.ts'

const lookMs = 1_000
const mostHeight = 560

/** Grows once a second while something runs. */
export function useNow(runs: boolean): number {
  const [at, setAt] = useState(writtenAt ?? now())
  useEffect(() => {
    if (!runs || writtenAt !== null) return undefined
    const timer = window.setInterval(() => setAt(now()), lookMs)
    return () => window.clearInterval(timer)
  }, [runs])
  return Math.max(at, writtenAt ?? 0)
}

export function TimelinePanel({ store, standing, derived }: PartProps) {
  const { version, chosen } = derived
  const at = useNow(standing.endedAt === null)
  const attempts = useMemo(() => {
    const { trials } = store
    return store.attempts.all().filter((attempt) => !waits(attempt, trials.stateOf(attempt.trial)))
  }, [version])
  const chart = useMemo(
    () => timelineChart(attempts, { now: at, best: standing.best, chosen }),
    [attempts, at, standing.best, chosen],
  )
  const savings = useMemo(() => savingsOf(attempts, at), [attempts, at])
  const height = Math.min(mostHeight, Math.max(110, timelineHeight(attempts)))
  return (
    <ChartBox
      title="Timeline of slots"
      wide
      chart={chart}
      height={height}
      onPick={choose}
      note={
        <>
          <Legend /> {savings !== null && savingsText(savings, standing.utilization)}
        </>
      }
    />
  )
}

function Legend() {
  const items = [
    ['accent', 'done'],
    ['good', 'best'],
    ['quiet', 'stopped early'],
    ['running', 'running'],
    ['warn', 'failed'],
    ['bad', 'lost; a red edge: tried again'],
  ] as const
  return (
    <span class="legend">
      {items.map(([ink, text]) => (
        <span key={text}>
          <span class={`swatch ${ink}`} aria-hidden="true" />
          {text}
        </span>
      ))}
    </span>
  )
}

function savingsText(savings: Savings, utilization: number | null): string {
  const { slots, wallMs, stagedMs, stopped, savedMs, lostMs } = savings
  const busy = utilization === null ? '' : `busy ${percent(utilization)} of their time, `
  const said = [`${plural(slots, 'slot')}, ${busy}${duration(wallMs)} in all.`]
  if (slots > 1 && stagedMs > wallMs * 1.02)
    said.push(
      `In stages of ${slots}, each waiting for its slowest, the same trials would have taken ${duration(stagedMs)}.`,
    )
  if (stopped > 0 && savedMs > 0)
    said.push(`Stopping ${plural(stopped, 'trial')} early saved about ${duration(savedMs)} of slot time.`)
  if (lostMs > 0) said.push(`${duration(lostMs)} went with lost attempts.`)
  return said.join(' ')
}
