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
