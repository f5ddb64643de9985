/** One hparam against the objective, and two against each other. Pure. */
import type { Objective } from '../../../protocol/index.ts'
import { nearest, type Chart } from '../drawing/chart.ts'
import { scaleInk } from '../drawing/palette.ts'
import { drawAxes, drawEmpty, plotIn, type Plot } from '../drawing/plot.ts'
import type { Size } from '../drawing/pen.ts'
import type { Scale } from '../drawing/scale.ts'
import type { Trials } from '../model/trials.ts'
import { number, value } from '../words.ts'

interface Shared {
  readonly shown: Uint8Array
  readonly chosen: ReadonlySet<number>
  readonly goodness: Float64Array
}

/** More points are drawn in part: they cover each other. */
const mostPoints = 5_000

/** Places of trials that are let through and have a result, thinned. */
function placesOf(trials: Trials, objective: Objective, shown: Uint8Array): number[] {
  const places = trials.byEnd(objective).filter((place) => shown[place] === 1)
  const every = Math.max(1, Math.ceil(places.length / mostPoints))
  return places.filter((_, at) => at % every === 0)
}

export interface SliceOptions extends Shared {
  readonly column: string
  readonly title: string
  readonly x: Scale
  readonly y: Scale
  readonly objective: Objective
}

export function sliceChart(trials: Trials, options: SliceOptions): Chart {
  const { column, title, x, y, objective, shown, chosen, goodness } = options
  const { metric } = objective
  const places = placesOf(trials, objective, shown).filter((place) => !Number.isNaN(x.part(trials.at(column, place))))
  const plot = (size: Size): Plot => plotIn(size, x, y, { left: 50, right: 10 })
  const at = (on: Plot, place: number): [number, number] => [
    on.atX(trials.at(column, place)),
    on.atY(trials.metrics.get(metric)?.[place]),
  ]
  return {
    summary: `${metric} by ${title}, ${places.length} trials`,
    draw(pen, size) {
      if (places.length === 0) return drawEmpty(pen, size, 'No result yet.')
      const on = plot(size)
      drawAxes(pen, on, { x: title, y: metric })
      const radius = places.length > 1000 ? 1.6 : 3.2
      pen.within(on.box, () => {
        for (const place of places) {
          const [px, py] = at(on, place)
          pen.circle(px, py, radius, { ink: scaleInk(goodness[place] ?? 0), opacity: 0.8 })
        }
        for (const trial of chosen) {
          const place = trials.place(trial)
          if (place === undefined) continue
          const [px, py] = at(on, place)
          if (!Number.isNaN(px) && !Number.isNaN(py)) pen.circle(px, py, 5, { ink: 'warn' })
        }
      })
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
        title: `trial ${trial}`,
        lines: [
          `${title} ${value(trials.at(column, found))}`,
          `${metric} ${number(trials.metrics.get(metric)?.[found])}`,
        ],
        trial,
      }
    },
    numbers: () => ({
      columns: ['trial', title, metric],
      rows: places.map((place) => [
        trials.number(place),
        value(trials.at(column, place)),
        trials.metrics.get(metric)?.[place] ?? null,
      ]),
    }),
  }
}

export interface ContourOptions extends Shared {
  readonly a: { readonly column: string; readonly title: string; readonly scale: Scale }
  readonly b: { readonly column: string; readonly title: string; readonly scale: Scale }
  readonly objective: Objective
}

const cells = 56
/** Results that the ground is made of; more make it no better and the page slow. */
const mostKnown = 250

export function contourChart(trials: Trials, { a, b, objective, shown, chosen, goodness }: ContourOptions): Chart {
  const places = placesOf(trials, objective, shown)
  const points = places.flatMap((place) => {
    const [x, y] = [a.scale.part(trials.at(a.column, place)), b.scale.part(trials.at(b.column, place))]
    return Number.isNaN(x) || Number.isNaN(y) ? [] : [{ x, y, good: goodness[place] ?? 0, place }]
  })
  const plot = (size: Size): Plot => plotIn(size, a.scale, b.scale, { left: 64 })
  const grid = points.length < 4 ? null : gridOf(points)
  return {
    summary: `${objective.metric} by ${a.title} and ${b.title}, ${points.length} trials`,
    draw(pen, size) {
      if (grid === null) return drawEmpty(pen, size, 'It takes four results to say how two hparams go together.')
      const on = plot(size)
      const { box } = on
      // Edges lie on whole pixels, so that no seam is seen between two cells.
      const [edgeX, edgeY] = [
        (at: number) => Math.round(box.x + (at * box.width) / cells),
        (at: number) => Math.round(box.y + ((cells - at) * box.height) / cells),
      ]
      for (let row = 0; row < cells; row += 1) {
        for (let column = 0; column < cells; column += 1) {
          const [left, top] = [edgeX(column), edgeY(row + 1)]
          const ink = scaleInk(grid[row * cells + column] as number)
          pen.rect(left, top, edgeX(column + 1) - left, edgeY(row) - top, { ink, opacity: 0.5 })
        }
      }
      drawAxes(pen, on, { x: a.title, y: b.title })
      for (const { x, y, place } of points) {
        const [px, py] = [box.x + x * box.width, box.y + (1 - y) * box.height]
        const isChosen = chosen.has(trials.number(place))
        pen.circle(px, py, isChosen ? 6 : 3.6, { ink: isChosen ? 'warn' : 'surface' })
        pen.circle(px, py, isChosen ? 3.5 : 2.4, { ink: scaleInk(goodness[place] ?? 0) })
      }
    },
    hit(px, py, size) {
      const { box } = plot(size)
      const found =
        points[
          nearest(
            points.length,
            (at) => [box.x + (points[at]?.x ?? 0) * box.width, box.y + (1 - (points[at]?.y ?? 0)) * box.height],
            px,
            py,
          )
        ]
      if (found === undefined) return null
      const trial = trials.number(found.place)
      const lines = [a, b].map(({ column, title }) => `${title} ${value(trials.at(column, found.place))}`)
      return {
        x: px,
        y: py,
        title: `trial ${trial}`,
        lines: [...lines, `${objective.metric} ${number(trials.metrics.get(objective.metric)?.[found.place])}`],
        trial,
      }
    },
    numbers: () => ({
      columns: ['trial', a.title, b.title, objective.metric],
      rows: points.map(({ place }) => [
        trials.number(place),
        value(trials.at(a.column, place)),
        value(trials.at(b.column, place)),
        trials.metrics.get(objective.metric)?.[place] ?? null,
      ]),
    }),
  }
}

/** Each cell by all results, weighted by the fourth power of their nearness (Shepard 1968): near ones decide. */
function gridOf(points: readonly { readonly x: number; readonly y: number; readonly good: number }[]): Float64Array {
  const grid = new Float64Array(cells * cells)
  const every = Math.max(1, Math.ceil(points.length / mostKnown))
  const known = points.filter((_, at) => at % every === 0)
  for (let row = 0; row < cells; row += 1) {
    for (let column = 0; column < cells; column += 1) {
      const [x, y] = [(column + 0.5) / cells, (row + 0.5) / cells]
      let [sum, weights] = [0, 0]
      for (const point of known) {
        const weight = 1 / ((point.x - x) ** 2 + (point.y - y) ** 2 + 1e-3) ** 2
        sum += weight * point.good
        weights += weight
      }
      grid[row * cells + column] = sum / weights
    }
  }
  return grid
}
