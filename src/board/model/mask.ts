/** Which trials a view lets through. Pure; one pass over the columns that matter, for there may be fifty thousand. */
import type { Objective } from '../../../protocol/index.ts'
import type { Scale } from '../drawing/scale.ts'
import type { Trials } from './trials.ts'
import type { View } from './view.ts'

export interface Mask {
  /** 1 by place: the trial is let through. */
  readonly shown: Uint8Array
  readonly count: number
}

export function maskOf(
  trials: Trials,
  view: Pick<View, 'states' | 'top' | 'bounds'>,
  objective: Objective | undefined,
  axis: (column: string) => Scale,
): Mask {
  const shown = new Uint8Array(trials.count).fill(1)
  if (view.states.length > 0) {
    for (let place = 0; place < shown.length; place += 1)
      if (!view.states.includes(trials.state(place))) shown[place] = 0
  }
  for (const [column, [low, high]] of Object.entries(view.bounds))
    keepWithin(trials, column, low, high, axis(column), shown)
  if (view.top !== null && objective !== undefined) {
    const best = new Uint8Array(shown.length)
    let left = view.top
    for (const place of trials.ranked(objective)) {
      if (left === 0) break
      if (shown[place] === 0) continue
      best[place] = 1
      left -= 1
    }
    shown.set(best)
  }
  let count = 0
  for (const one of shown) count += one
  return { shown, count }
}

/** Of choices the bounds are parts of the axis. */
function keepWithin(trials: Trials, column: string, low: number, high: number, scale: Scale, shown: Uint8Array): void {
  const valueAt = trials.column(column)
  for (let place = 0; place < shown.length; place += 1) {
    if (shown[place] === 0) continue
    const value = valueAt(place)
    const at = scale.kind === 'choices' ? scale.part(value) : typeof value === 'number' ? value : NaN
    if (!(at >= low && at <= high)) shown[place] = 0
  }
}
