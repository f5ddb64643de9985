/** From values to places on a line, and the values that are written beside it. Pure. */
import { number } from '../words.ts'

interface Tick {
  /** 0 to 1. */
  readonly part: number
  readonly label: string
}

export interface Scale {
  /** NaN for what has no place. */
  part(value: unknown): number
  /** The value at a part of the line; of choices, the nearest one. */
  value(part: number): number | string
  ticks(most: number): readonly Tick[]
  readonly kind: 'linear' | 'log' | 'time' | 'choices'
}

/** A line with a little room at its ends; a range without extent gets some. */
export function linear(low: number, high: number, pad = 0): Scale {
  const [from, to] = widened(low, high, pad)
  return {
    kind: 'linear',
    part: (value) => (typeof value === 'number' ? (value - from) / (to - from) : NaN),
    value: (part) => from + part * (to - from),
    ticks: (most) => {
      const step = niceStep((to - from) / Math.max(1, most))
      const first = Math.ceil(from / step)
      const found: Tick[] = []
      for (let at = first; at * step <= to + step * 1e-9 && found.length < 100; at += 1) {
        const value = Number((at * step).toPrecision(12))
        found.push({ part: (value - from) / (to - from), label: number(value) })
      }
      return found
    },
  }
}

/** Where both ends are above 0; else it is linear. */
export function logarithmic(low: number, high: number): Scale {
  if (!(low > 0) || !(high > low)) return linear(low, high)
  const [from, to] = [Math.log10(low), Math.log10(high)]
  return {
    kind: 'log',
    part: (value) => (typeof value === 'number' && value > 0 ? (Math.log10(value) - from) / (to - from) : NaN),
    value: (part) => 10 ** (from + part * (to - from)),
    ticks: (most) => {
      const decades = to - from
      const factors = decades > most ? [1] : decades > most / 3 ? [1, 3] : [1, 2, 3, 5]
      const every = Math.max(1, Math.ceil(decades / most))
      const found: Tick[] = []
      for (let decade = Math.floor(from); decade <= Math.ceil(to); decade += every) {
        for (const factor of factors) {
          const value = Number((factor * 10 ** decade).toPrecision(12))
          const part = (Math.log10(value) - from) / (to - from)
          if (part >= -1e-9 && part <= 1 + 1e-9) found.push({ part, label: number(value) })
        }
      }
      return found
    },
  }
}

/** Unordered choices, evenly spread, in their order, with half a choice's room at either end. */
export function choices(values: readonly unknown[]): Scale {
  const places = new Map(values.map((value, place) => [JSON.stringify(value), place]))
  const partAt = (place: number) => (place + 0.5) / Math.max(1, values.length)
  return {
    kind: 'choices',
    part: (value) => {
      const place = places.get(JSON.stringify(value))
      return place === undefined ? NaN : partAt(place)
    },
    value: (part) => text(values[Math.min(values.length - 1, Math.max(0, Math.floor(part * values.length)))]),
    ticks: (most) => {
      const every = Math.max(1, Math.ceil(values.length / Math.max(1, most)))
      return values.flatMap((value, place) =>
        place % every === 0 ? [{ part: partAt(place), label: text(value) }] : [],
      )
    },
  }
}

const seconds = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  14_400, 28_800, 86_400,
]

/** Milliseconds since the first moment. */
export function elapsed(highMs: number): Scale {
  const to = Math.max(1, highMs)
  return {
    kind: 'time',
    part: (value) => (typeof value === 'number' ? value / to : NaN),
    value: (part) => part * to,
    ticks: (most) => {
      const wanted = to / 1000 / Math.max(1, most)
      const step = (seconds.find((each) => each >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400) * 1000
      return Array.from({ length: Math.floor(to / step) + 1 }, (_, at) => ({
        part: (at * step) / to,
        label: span(at * step),
      }))
    },
  }
}

function span(ms: number): string {
  const all = Math.round(ms / 1000)
  if (all < 120) return `${Number((ms / 1000).toFixed(3))} s`
  if (all < 7200)
    return all % 60 === 0 ? `${all / 60} min` : `${Math.floor(all / 60)}:${String(all % 60).padStart(2, '0')}`
  return `${Number((all / 3600).toFixed(1))} h`
}

function widened(low: number, high: number, pad: number): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1]
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1
    return [low - room, high + room]
  }
  const room = (high - low) * pad
  return [low - room, high + room]
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return ([1, 2, 5].find((factor) => factor * power >= least * 0.999) ?? 10) * power
}

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
