/** Two objectives against each other, the front that no trial beats in both, and the hypervolume that it covers. Pure. */
import type { Objective } from '../../../protocol/index.ts'
import { nearest, type Chart } from '../drawing/chart.ts'
import { drawAxes, drawEmpty, plotIn, type Plot } from '../drawing/plot.ts'
import type { Size } from '../drawing/pen.ts'
import { linear } from '../drawing/scale.ts'
import type { Trials } from '../model/trials.ts'
import { number } from '../words.ts'

interface Front {
  /** Places of trials with a value of both, and of them those of the front, by the first objective. */
  readonly places: readonly number[]
  readonly front: readonly number[]
  /**
   * The area between the front and the worst values that were seen, as a part of the rectangle between the best and the worst values
   * (Zitzler and Thiele 1998); null: with fewer than two trials, or where one objective does not differ.
   */
  readonly hypervolume: number | null
}

export function frontOf(trials: Trials, [first, second]: readonly [Objective, Objective]): Front {
  const valueAt = (objective: Objective, place: number) => {
    const value = trials.metrics.get(objective.metric)?.[place]
    return typeof value === 'number' ? (objective.direction === 'minimize' ? value : -value) : NaN
  }
  const found: { place: number; a: number; b: number }[] = []
  for (let place = 0; place < trials.count; place += 1) {
    if (trials.state(place) !== 'done' || !trials.keeps(place, first.limits ?? [])) continue
    const [a, b] = [valueAt(first, place), valueAt(second, place)]
    if (!Number.isNaN(a) && !Number.isNaN(b)) found.push({ place, a, b })
  }
  const sorted = found.toSorted((one, other) => one.a - other.a || one.b - other.b)
  const front: typeof found = []
  for (const point of sorted) if (point.b < (front.at(-1)?.b ?? Infinity)) front.push(point)
  return {
    places: found.map(({ place }) => place),
    front: front.map(({ place }) => place),
    hypervolume: volumeOf(found, front),
  }
}

interface Point {
  readonly a: number
  readonly b: number
}

function volumeOf(all: readonly Point[], front: readonly Point[]): number | null {
  let [lowA, highA, lowB, highB] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const { a, b } of all) {
    ;[lowA, highA] = [Math.min(lowA, a), Math.max(highA, a)]
    ;[lowB, highB] = [Math.min(lowB, b), Math.max(highB, b)]
  }
  if (!(highA > lowA) || !(highB > lowB)) return null
  let area = 0
  for (const [at, { a, b }] of front.entries()) area += ((front[at + 1]?.a ?? highA) - a) * (highB - b)
  return area / ((highA - lowA) * (highB - lowB))
}

export function paretoChart(
  trials: Trials,
  objectives: readonly [Objective, Objective],
  { shown, chosen }: { readonly shown: Uint8Array; readonly chosen: ReadonlySet<number> },
): Chart {
  const [first, second] = objectives
  const { places, front, hypervolume } = frontOf(trials, objectives)
  const value = (objective: Objective, place: number) => trials.metrics.get(objective.metric)?.[place] as number
  const axis = ({ metric }: Objective) => {
    let [low, high] = [Infinity, -Infinity]
    for (const place of places) {
      const each = trials.metrics.get(metric)?.[place] as number
      ;[low, high] = [Math.min(low, each), Math.max(high, each)]
    }
    return linear(low, high, 0.06)
  }
  const [x, y] = [axis(first), axis(second)]
  const plot = (size: Size): Plot => plotIn(size, x, y)
  const at = (on: Plot, place: number): [number, number] => [on.atX(value(first, place)), on.atY(value(second, place))]
  return {
    summary: `${front.length} of ${places.length} trials on the front; hypervolume ${number(hypervolume)}`,
    draw(pen, size) {
      if (places.length === 0) return drawEmpty(pen, size, 'No trial has come to both values yet.')
      const on = plot(size)
      drawAxes(pen, on, { x: `${first.metric} (${first.direction})`, y: `${second.metric} (${second.direction})` })
      for (const place of places) {
        const [px, py] = at(on, place)
        pen.circle(px, py, 3, { ink: 'quiet', opacity: shown[place] === 1 ? 0.8 : 0.25 })
      }
      pen.line(
        front.flatMap((place) => at(on, place)),
        { ink: 'good', width: 1.5, opacity: 0.7 },
      )
      for (const place of front) {
        const [px, py] = at(on, place)
        pen.circle(px, py, 4.5, { ink: chosen.has(trials.number(place)) ? 'warn' : 'good' })
      }
    },
    hit(px, py, size) {
      const on = plot(size)
      const found = places[nearest(places.length, (each) => at(on, places[each] as number), px, py)]
      if (found === undefined) return null
      const [hx, hy] = at(on, found)
      const trial = trials.number(found)
      return {
        x: hx,
        y: hy,
        title: `trial ${trial}${front.includes(found) ? ', on the front' : ''}`,
        lines: objectives.map((one) => `${one.metric} ${number(value(one, found))}`),
        trial,
      }
    },
    numbers: () => ({
      columns: ['trial', first.metric, second.metric, 'on the front'],
      rows: places.map((place) => [
        trials.number(place),
        value(first, place),
        value(second, place),
        front.includes(place) ? 'yes' : 'no',
      ]),
    }),
  }
}
