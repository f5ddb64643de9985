/** Small things that several pages show. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { duration, plural } from '../words.ts'
import type { Card, Waiting } from '../wire.ts'
import { sparkPath } from '../charts/spark.ts'
import { source } from './source.ts'
import { now } from './stream.ts'

/** A state as a word with a colour. */
export function Pill({ state }: { readonly state: string }) {
  return (
    <span class={`pill ${state}`}>
      <span class="dot" aria-hidden="true" />
      {state}
    </span>
  )
}

export function Stat({
  label,
  children,
  hint,
}: {
  readonly label: string
  readonly children: ComponentChildren
  readonly hint?: string
}) {
  return (
    <div class="stat" title={hint}>
      <div class="stat-label">{label}</div>
      <div class="stat-value">{children}</div>
    </div>
  )
}

/** How many trials stand how, as one bar. */
export function CountsBar({ counts, wanted }: Pick<Card, 'counts' | 'wanted'>) {
  const order = ['done', 'pruned', 'failed', 'cancelled', 'running'] as const
  const all = Math.max(wanted, order.reduce((sum, state) => sum + counts[state], 0) + counts.queued, 1)
  const text = order.filter((state) => counts[state] > 0).map((state) => `${counts[state]} ${state}`)
  const over = counts.done + counts.pruned + counts.failed + counts.cancelled
  const said = `${over} of ${plural(wanted, 'trial')}: ${text.join(', ') || 'none yet'}`
  return (
    <div class="counts" role="img" aria-label={said} title={said}>
      {order
        .filter((state) => counts[state] > 0)
        .map((state) => (
          <span key={state} class={`part ${state}`} style={{ width: `${(counts[state] / all) * 100}%` }} />
        ))}
    </div>
  )
}

export function Spark({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  return (
    <svg class="spark" viewBox="0 0 120 32" role="img" aria-label={label} preserveAspectRatio="none">
      <path
        d={sparkPath(values, 120, 32)}
        fill="none"
        stroke="currentColor"
        stroke-width="1.8"
        vector-effect="non-scaling-stroke"
      />
    </svg>
  )
}

/** Why nothing goes on, and what to do. */
export function WaitingNote({ waiting }: { readonly waiting: Waiting | null }) {
  if (waiting === null) return null
  return (
    <div class="banner warn" role="status">
      <strong>Waiting: </strong>
      {waiting.message} <span class="code">{waiting.code}</span>
    </div>
  )
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** A choice of one, with its name before it. */
export function Choose({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string
  readonly value: string
  readonly options: readonly (readonly [string, string])[]
  readonly onChange: (value: string) => void
}) {
  return (
    <label class="choose">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

export function Toggle({
  on,
  onTurn,
  children,
}: {
  readonly on: boolean
  readonly onTurn: () => void
  readonly children: ComponentChildren
}) {
  return (
    <button type="button" class={on ? 'toggle on' : 'toggle'} aria-pressed={on} onClick={onTurn}>
      {children}
    </button>
  )
}

/** Goes on by itself, once a second. */
export function Elapsed({ from, to }: { readonly from: number | null; readonly to: number | null }) {
  const [, tick] = useState(0)
  useEffect(() => {
    if (to !== null || source.kind === 'report') return undefined
    const timer = window.setInterval(() => tick((count) => count + 1), 1000)
    return () => window.clearInterval(timer)
  }, [to])
  return <>{from === null ? '–' : duration((to ?? now()) - from)}</>
}
