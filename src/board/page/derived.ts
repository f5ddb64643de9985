/** Data derived from the trials and the view, computed once for all charts. */
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Objective } from '../../../protocol/index.ts'
import { goodnessOf } from '../charts/parallel.ts'
import type { Scale } from '../drawing/scale.ts'
import { axisOf } from '../model/axis.ts'
import { maskOf, type Mask } from '../model/mask.ts'
import type { Standing } from '../wire.ts'
import type { ExperimentStore } from './experiment-store.ts'
import { view } from './view-state.ts'

export interface Derived {
  readonly version: number
  readonly objective: Objective | undefined
  readonly axis: (column: string) => Scale
  readonly ranked: readonly number[]
  readonly goodness: Float64Array
  readonly mask: Mask
  /** The same, a moment later where there are many trials: for charts that need not follow each stroke of a brush. */
  readonly calm: Mask
  readonly chosen: ReadonlySet<number>
}

/** With more trials than this, the other charts wait until the brush rests. */
const manyTrials = 4_000
const restMs = 140

export function useDerived(store: ExperimentStore, standing: Standing): Derived {
  const version = store.version.value
  const { trials } = store
  const { states, top, bounds, chosen, log } = view.value
  const objective = standing.objectives[0]
  const axis = useMemo(() => {
    const known = new Map<string, Scale>()
    return (column: string): Scale => {
      let scale = known.get(column)
      if (scale === undefined) known.set(column, (scale = axisOf(trials, column, standing.space, log)))
      return scale
    }
  }, [version, log, standing.space])
  const ranked = useMemo(() => (objective === undefined ? [] : trials.ranked(objective)), [version, objective?.metric])
  const goodness = useMemo(() => goodnessOf(trials, ranked), [ranked])
  const mask = useMemo(
    () => maskOf(trials, { states, top, bounds }, objective, axis),
    [version, states, top, bounds, axis],
  )
  const calm = useRested(mask, trials.count > manyTrials)
  const chosenSet = useMemo(() => new Set(chosen), [chosen])
  return { version, objective, axis, ranked, goodness, mask, calm, chosen: chosenSet }
}

function useRested(mask: Mask, rests: boolean): Mask {
  const [rested, setRested] = useState(mask)
  useEffect(() => {
    if (!rests) return undefined
    const timer = window.setTimeout(() => setRested(mask), restMs)
    return () => window.clearTimeout(timer)
  }, [mask, rests])
  // After a change of the trials an older mask is too short.
  return rests && rested.shown.length === mask.shown.length ? rested : mask
}
