/** Numbers, times and values as people read them on a page. Pure. */
import { durationText, visible } from '../words/index.ts'

/** Four significant digits; very small and very large ones as powers of ten. */
export function number(value: number | null | undefined): string {
  if (typeof value !== 'number') return '–'
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e6) return String(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e6))
    return value
      .toExponential(2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e')
  return String(Number(value.toPrecision(4)))
}

/** `0.4 s`, `41 s`, `3:07`, `1:02:03`. */
export function duration(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? '–' : durationText(Math.max(0, ms))
}

/** `just now`, `3 min ago`, or the day. */
export function ago(at: number | null, now: number): string {
  if (at === null) return '–'
  const seconds = Math.round((now - at) / 1000)
  if (seconds < 45) return 'just now'
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`
  return new Date(at).toISOString().slice(0, 10)
}

/** The value of an hparam or a metric: texts as they are, lists as JSON. */
export function value(given: unknown): string {
  if (given === null || given === undefined) return '–'
  if (typeof given === 'number') return number(given)
  return visible(typeof given === 'string' ? given : JSON.stringify(given))
}

/** Several lines as one. */
export const inLine = (given: unknown): string =>
  typeof given === 'string' ? visible(given.replaceAll(/\s+/g, ' ')) : value(given)

export const percent = (part: number | null | undefined): string =>
  part === null || part === undefined ? '–' : `${Math.round(part * 100)} %`

/** `1 trial`, `2 trials`. */
export const plural = (count: number, word: string): string =>
  `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`
