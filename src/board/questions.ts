/** Questions that a page asks from time to time, beside the stream that it is sent. */
import { importances } from '../importance/index.ts'
import type { Bus } from '../bus/index.ts'
import type { Reading } from '../history/index.ts'
import { readPoints } from '../store/index.ts'
import { Series } from './series.ts'
import type { CurveColumns, Importances } from './wire.ts'

/** Points of a curve that is looked at alone. */
const mostPoints = 4_096

/** All attempts of a trial, each with its curve. */
export async function fullCurves(bus: Bus, experiment: string, trial: number): Promise<CurveColumns[]> {
  const curves = new Map<number, Series>()
  for (const { attempt, index, ...point } of await readPoints(bus, experiment, trial)) {
    let series = curves.get(attempt)
    if (series === undefined) curves.set(attempt, (series = new Series(trial, attempt, mostPoints)))
    // The oldest telemetry may be gone from the stream.
    if (series.take(index, [point]) === 'gap') {
      series.skipTo(index)
      series.take(index, [point])
    }
  }
  return [...curves.values()].map((series) => series.columns())
}

/** By metric; a metric that too few trials came to is left out. */
export function importanceIn({ history }: Reading): Importances {
  const context = history?.submission.context
  if (history === null || context?.kind !== 'optimization') return {}
  const trials = history.observations().map(({ state, hparams, metrics, fidelity }) => ({
    state,
    hparams: fidelity === undefined ? hparams : { ...hparams, budget: fidelity.budget },
    metrics,
  }))
  return importances({ space: context.space, trials, objectives: context.objectives })
}
