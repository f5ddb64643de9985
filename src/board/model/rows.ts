/** Which rows of a long table are to be seen, and in which order they stand. Pure. */
import type { Trials } from './trials.ts'

export interface Window {
  readonly first: number
  /** The one after the last. */
  readonly end: number
}

/** Rows of one height: what is seen, and a few around it. */
export function windowOf(scrollTop: number, height: number, row: number, count: number, around = 12): Window {
  const first = Math.max(0, Math.min(count - 1, Math.floor(scrollTop / row)) - around)
  return { first, end: Math.min(count, Math.ceil((scrollTop + height) / row) + around) }
}

/** Places of the trials that are let through, by a column: numbers by value, others as text, what is not there last. */
export function sortedPlaces(
  trials: Trials,
  shown: Uint8Array,
  { column, down }: { readonly column: string; readonly down: boolean },
): number[] {
  const places: number[] = []
  for (let place = 0; place < shown.length; place += 1) if (shown[place] === 1) places.push(place)
  const values = new Map(places.map((place) => [place, keyOf(trials.at(column, place))]))
  const sign = down ? -1 : 1
  return places.sort((a, b) => {
    const [one, other] = [values.get(a), values.get(b)]
    if (one === other) return a - b
    if (one === null || one === undefined) return 1
    if (other === null || other === undefined) return -1
    if (typeof one === 'number' && typeof other === 'number') return sign * (one - other)
    return sign * (String(one) < String(other) ? -1 : 1)
  })
}

function keyOf(value: unknown): number | string | null {
  if (typeof value === 'number' || typeof value === 'string') return value
  return value === null || value === undefined ? null : JSON.stringify(value)
}
