/** An experiment as pictures, for places that have no page: cells of notebooks. Pure. */
import type { GenerationRecord } from '../history/index.ts'
import { ablationChart, ablationHeight } from './charts/ablation.ts'
import { barsChart, barsHeight } from './charts/bars.ts'
import { bestChart } from './charts/best.ts'
import { curvesChart, type Curve } from './charts/curves.ts'
import { goodnessOf, ParallelChart } from './charts/parallel.ts'
import { ringChart, type RingStanding } from './charts/ring.ts'
import type { Chart } from './drawing/chart.ts'
import type { Size } from './drawing/pen.ts'
import { svgOf } from './drawing/svg-pen.ts'
import { axisOf } from './model/axis.ts'
import { marksOf } from './model/generations.ts'
import type { Trials } from './model/trials.ts'
import type { Series } from './series.ts'
import type { Importances, Standing } from './wire.ts'

export interface Seen {
  readonly standing: Standing
  readonly trials: Trials
  readonly curves: readonly Series[]
  readonly importance: Importances
  readonly ring: RingStanding | null
  readonly generations: readonly GenerationRecord[]
}

export interface Picture {
  readonly title: string
  /** Describes the picture in a sentence. */
  readonly summary: string
  readonly size: Size
  /** A whole SVG file. */
  readonly svg: string
}

const wide = { width: 420, height: 240 }
const none: ReadonlySet<number> = new Set()
/** Curves that are drawn: more cannot be told apart at this size. */
const mostCurves = 200
const mostAxes = 9

/** `isOver`: with what is worth looking at once all is there. */
export function picturesOf(seen: Seen, isOver: boolean): Picture[] {
  const { standing, trials } = seen
  const [objective] = standing.objectives
  const pictures: Picture[] = []
  const put = (title: string, chart: Chart, size: Size = wide): void => {
    pictures.push({
      title,
      summary: chart.summary,
      size,
      svg: svgOf(size, 'light', `${title}: ${chart.summary}`, (pen) => chart.draw(pen, size)),
    })
  }
  if (standing.kind === 'training') {
    put('Ring', ringChart(seen.ring), { width: 420, height: 280 })
    for (const name of metricsOf(seen).slice(0, 4)) put(name, curvesOf(seen, name))
    return pictures
  }
  const shown = new Uint8Array(trials.count).fill(1)
  if (standing.kind === 'ablation' && standing.ablation !== undefined) {
    const height = ablationHeight(standing.ablation)
    put('What each component is worth', ablationChart(standing.ablation, trials), { width: 720, height })
  }
  if (objective !== undefined && standing.kind === 'optimization') {
    const { startedAt } = standing
    put('Best so far', bestChart(trials, { objective, shown, chosen: none, log: false, across: 'step', startedAt }))
  }
  const [metric = objective?.metric] = metricsOf(seen)
  if (metric !== undefined) put('Learning curves', curvesOf(seen, metric))
  if (isOver && objective !== undefined && standing.kind === 'optimization') {
    const columns = [
      ...trials
        .differing(standing.searched)
        .slice(0, mostAxes - 1)
        .map((name) => `hparams.${name}`),
      `metrics.${objective.metric}`,
    ]
    const axes = columns.map((column) => ({
      column,
      title: column.slice(column.indexOf('.') + 1),
      scale: axisOf(trials, column, standing.space, []),
    }))
    const goodness = goodnessOf(trials, trials.ranked(objective))
    const size = { width: 850, height: 280 }
    put('Parallel coordinates', new ParallelChart(trials, { axes, shown, bounds: {}, chosen: none, goodness }), size)
    const shares = seen.importance[objective.metric]
    const height = barsHeight(Object.keys(shares ?? {}).length)
    put('What matters', barsChart(shares), { width: 420, height })
  }
  return pictures
}

/** The objective first, where it is reported. */
function metricsOf({ curves, standing: { objectives } }: Seen): string[] {
  const reported = new Set(curves.flatMap(({ values }) => [...values.keys()]))
  const first = objectives.map(({ metric }) => metric).filter((metric) => reported.has(metric))
  return [...new Set([...first, ...reported])]
}

function curvesOf({ curves, trials, standing, generations }: Seen, metric: string): Chart {
  const drawn = curves.slice(-mostCurves).map((series): Curve => {
    const place = trials.place(series.trial)
    const state = place === undefined ? 'running' : trials.state(place)
    return { series, state, why: null, chosen: false, group: null }
  })
  const marks = standing.kind === 'training' ? marksOf(generations, curves.at(-1)) : []
  return curvesChart(drawn, { metric, across: 'step', log: false, best: standing.best, marks })
}
