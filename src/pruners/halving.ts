/**
 * Successive halving without promotions (Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020, as a stopping
 * rule): at each rung a trial goes on only if it is among the best floor(n / reductionFactor) of the n trials that reached the rung,
 * itself included, whether they still run or not. The first trial to reach a rung always goes on. All trials are compared by the same
 * report: their first one at the rung or after it. Hyperband hedges on how early to judge: it deals trials to brackets that begin at
 * different rungs, and compares a trial within its bracket only. Options:
 * - minStep (1): the first rung; the next ones are reductionFactor (4; hyperband: 3) times as far.
 * - bootstrap (0): a rung stops nothing before this many other trials have reached it.
 * - hyperband: maxStep, the last step of a trial, which says how many brackets there are.
 * - metric, direction, or by: 'domination' (the best: by front, then by room in it).
 */
import { invalidOption, refuseUnknown, wholeOption, type PrunerOptions } from './options.ts'
import type { Pruner, PrunerPlugin } from './pruner.ts'
import { isAmongBest, viewOf, viewOptions, type View } from './view.ts'

interface Rungs {
  readonly factor: number
  readonly bootstrap: number
  /** Trials of the same bracket are compared; the step of its first rung. */
  readonly bracketOf: (trial: number) => { readonly bracket: number; readonly first: number }
}

function halving(view: View, { factor, bootstrap, bracketOf }: Rungs): Pruner {
  return (history, { trial, points }) => {
    const series = view.read(points)
    const step = series[0]?.steps.at(-1)
    if (step === undefined || series.some(({ steps }) => steps.at(-1) !== points.at(-1)?.step)) return 'continue'
    const { bracket, first } = bracketOf(trial)
    if (step < first) return 'continue'
    const rung = first * factor ** Math.floor(Math.log(step / first) / Math.log(factor) + 1e-9)
    // A trial is judged once at each rung: by its first report there.
    if ((series[0]?.steps.at(-2) ?? -1) >= rung) return 'continue'
    const others = history.flatMap((other) => {
      if (other.trial === trial || bracketOf(other.trial).bracket !== bracket) return []
      const losses = view.firstFrom(other.points, rung)
      return losses === undefined ? [] : [losses]
    })
    if (others.length < bootstrap) return 'continue'
    const mine = view.firstFrom(points, rung) ?? []
    if (others.length === 0) return mine.some(Number.isNaN) ? 'stop' : 'continue'
    const places = Math.max(1, Math.floor((others.length + 1) / factor))
    return isAmongBest(mine, others, places) ? 'continue' : 'stop'
  }
}

function shared(options: PrunerOptions, factor: number): { factor: number; least: number; bootstrap: number } {
  return {
    factor: wholeOption(options, 'reductionFactor', factor, 2),
    least: wholeOption(options, 'minStep', 1, 1),
    bootstrap: wholeOption(options, 'bootstrap', 0, 0),
  }
}

const known = ['minStep', 'reductionFactor', 'bootstrap', ...viewOptions]

export const successiveHalvingPruner: PrunerPlugin = {
  name: 'successive-halving',
  create({ objectives, options }) {
    refuseUnknown('successive-halving', options, known)
    const { factor, least, bootstrap } = shared(options, 4)
    const only = { bracket: 0, first: least }
    return halving(viewOf(objectives, options), { factor, bootstrap, bracketOf: () => only })
  },
}

export const hyperbandPruner: PrunerPlugin = {
  name: 'hyperband',
  create({ objectives, options }) {
    refuseUnknown('hyperband', options, [...known, 'maxStep'])
    const { factor, least, bootstrap } = shared(options, 3)
    // Without maxStep, there are three brackets.
    const most = wholeOption(options, 'maxStep', least * factor ** 2, 1)
    if (most < least) throw invalidOption('maxStep', `is ${most}, below minStep, which is ${least}`)
    const brackets = Math.floor(Math.log(most / least) / Math.log(factor) + 1e-9) + 1
    // Each gets about the same number of steps in all: trials in proportion to factor^-bracket, dealt in turn.
    const dealt = Array.from({ length: brackets }, (_, bracket) => factor ** (brackets - 1 - bracket))
    const round = dealt.reduce((sum, count) => sum + count, 0)
    const bracketOf = (trial: number) => {
      let place = trial % round
      let bracket = 0
      while (place >= (dealt[bracket] as number)) place -= dealt[bracket++] as number
      return { bracket, first: least * factor ** bracket }
    }
    return halving(viewOf(objectives, options), { factor, bootstrap, bracketOf })
  },
}
