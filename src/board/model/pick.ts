/** Which curves are drawn where there are more than can be told apart. Pure. */
import type { Trials } from './trials.ts'

export const mostCurves = 80
const bestCurves = 25
const runningCurves = 40

/** Curves that are put together in groups: so many are asked for. */
const mostGrouped = 400

/** The trials whose curves are put together: those that are let through, evenly thinned where they are many. */
export function pickGrouped(trials: Trials, isWanted: (place: number) => boolean): number[] {
  const places = Array.from({ length: trials.count }, (_, place) => place).filter(
    (place) => isWanted(place) && trials.state(place) !== 'queued',
  )
  const every = Math.max(1, Math.ceil(places.length / mostGrouped))
  return places.filter((_, at) => at % every === 0).map((place) => trials.number(place))
}

/** The numbers of the trials: those that were chosen, those that run, the best, and the latest, of those that are let through. */
export function pickCurves(
  trials: Trials,
  ranked: readonly number[],
  shown: Uint8Array,
  chosen: ReadonlySet<number>,
): number[] {
  const picked = new Set<number>(chosen)
  const running: number[] = []
  for (let place = 0; place < trials.count; place += 1) if (trials.state(place) === 'running') running.push(place)
  const add = (places: readonly number[], most: number) => {
    let left = most
    for (const place of places) {
      if (left === 0 || picked.size >= mostCurves) return
      const trial = trials.number(place)
      if (shown[place] === 0 || picked.has(trial)) continue
      picked.add(trial)
      left -= 1
    }
  }
  add(running, runningCurves)
  add(ranked, bestCurves)
  const latest: number[] = []
  for (let place = trials.count - 1; place >= 0 && latest.length < 4 * mostCurves; place -= 1) {
    if (trials.state(place) !== 'queued') latest.push(place)
  }
  add(latest, mostCurves)
  return [...picked].sort((a, b) => a - b)
}
