/** Numbers, times and hparams as people read them. */
import type { Hparams, Metrics } from '../../protocol/index.ts'
import { durationText, literal, visible } from '../words/index.ts'

/** Four significant digits; what has no value is a dash. */
export function short(value: number | null | undefined): string {
  if (typeof value !== 'number') return '-'
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}

/** The value of an hparam or a metric, told apart from all others: `1`, `"1"`, `null`, `"null"`, `""`; a dash where there is none. */
export function valueText(value: unknown): string {
  if (value === undefined) return '-'
  return typeof value === 'number' ? short(value) : visible(literal(value))
}

/** `0.4 s`, `41 s`, `3:07`, `1:02:03`. */
export function duration(ms: number | null): string {
  return ms === null ? '-' : durationText(ms)
}

/** `12 B`, `4.1 KB`, `200 MB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB']
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toPrecision(2))} ${units[power]}`
}

/** `lr=0.01 units=64` */
export function pairs(values: Hparams | Metrics): string {
  return Object.entries(values)
    .map(([name, value]) => `${visible(name)}=${valueText(value)}`)
    .join(' ')
}

/** A trial of an ablation whose removal is not possible: it has failed, and is no failure. */
export function isRefused({
  state,
  problem,
}: {
  readonly state: string
  readonly problem?: { readonly code: string }
}) {
  return state === 'failed' && problem?.code === 'SURGERY_REFUSED'
}
