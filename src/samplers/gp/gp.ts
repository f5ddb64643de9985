/**
 * Bayesian optimization with a Gaussian process, for expensive trials in few dimensions. Options:
 * - warmup (default: by the number of parameters): how many trials come from a Sobol sequence first.
 * - acquisition: 'logEI' (the default; the same as 'EI', but it can still be climbed where EI is zero), 'EI', 'PI', 'LCB', or
 *   'thompson' (asynchronous Thompson sampling: the minimum of one function drawn from the posterior). - kappa (2): of LCB.
 * - pending: the result that is assumed of trials under way: 'believer' (the default; the posterior mean: kriging believer), 'min',
 *   'mean', 'max' (constant liars, of the losses so far: 'max' keeps farthest away), 'ignore'.
 * - interim (false): whether pruned trials, and running ones that have reported, count with their last report. Only for metrics that
 *   change little from step to step: where a curve rises, an early value cannot be compared with the final values of others.
 * - mostData (150): at most so many trials are used: the best half of that number, and the others evenly by rank.
 * - mostTries (10): how often a point is tried at most; more than once only to settle noise (../again.ts).
 * A trial that failed, or whose metric is not a finite number, counts as the upper quartile of the losses, and under 'logEI' other processes
 * tell how likely it is that a trial fails, and that it keeps each limit of the objective. A pruned trial counts as the upper quartile of
 * the losses of finished trials: it is only known not to be among the better ones.
 */
import type { Random } from '../../random/index.ts'
import { cubeOf } from '../../space/index.ts'
import { deviation, mean } from '../../statistics/index.ts'
import { goodAmong, spentPoints, usualTries } from '../again.ts'
import { createLedger, isOpen, type Entry } from '../ledger.ts'
import { flagOption, numberOption, refuseUnknown, unfit, wordOption } from '../options.ts'
import type { SamplerPlugin } from '../sampler.ts'
import { fitsSobol, sobolPoints } from '../sobol.ts'
import { newPoint, pointNames, triedPoints } from '../tried.ts'
import { acquisition, acquisitions } from './acquisition.ts'
import { candidatesFor, climb, takenAmong, type Candidate } from './candidates.ts'
import { feasibly, flat, keepsLimits, leading } from './feasibility.ts'
import { drawnValues } from './draws.ts'
import { fitKernel, groupsOf, posterior, type Kernel, type Posterior } from './process.ts'

const known = ['warmup', 'acquisition', 'kappa', 'pending', 'interim', 'mostData', 'mostTries']
/** With more columns, distances mean little, and fitting a length scale for each column takes long. */
const mostColumns = 100
/** The number of points at which Thompson sampling draws its function. */
const drawnPoints = 200

type Row = Float64Array

export const gpSampler: SamplerPlugin = {
  name: 'gp',
  adaptive: true,
  create({ space, objectives, options, seed }) {
    refuseUnknown('gp', options, known)
    const cube = cubeOf(space)
    if (cube.size > mostColumns) {
      throw unfit('gp', 'space', `has ${cube.size} columns, more than ${mostColumns}; \`tpe\` takes any number`)
    }
    const usual = Math.min(15, Math.max(5, cube.columns.length + 3))
    const warmup = numberOption('gp', options, 'warmup', usual, { least: 0, whole: true })
    const name = wordOption('gp', options, 'acquisition', [...acquisitions, 'thompson'])
    const lie = wordOption('gp', options, 'pending', ['believer', 'min', 'mean', 'max', 'ignore'])
    const kappa = numberOption('gp', options, 'kappa', 2, { least: 0 })
    const interim = flagOption('gp', options, 'interim', false)
    const mostTries = numberOption('gp', options, 'mostTries', usualTries, { least: 1, whole: true })
    const mostData = numberOption('gp', options, 'mostData', 150, { least: 10, most: 1000, whole: true })
    const isListed = pointNames(space) !== undefined
    const groups = groupsOf(cube)
    const [objective] = objectives
    const limits = name === 'logEI' ? (objective?.limits ?? []) : []
    // Where limits have processes of their own, a trial that breaks one still tells what its objective came to.
    const plain = objective && { metric: objective.metric, direction: objective.direction }
    const ledger = createLedger<Row>(limits.length > 0 ? plain : objective, ({ hparams }) => cube.toCube(hparams))
    const early = fitsSobol(space) ? sobolPoints(space, seed) : undefined
    const fitted = keptKernel(groups, interim)
    const triedIn = triedPoints(space)
    const spentIn = spentPoints(space, mostTries)

    return ({ history, tried = history, trial, point = trial, random }) => {
      ledger.show(history)
      const isTried = triedIn(tried)
      const data = dataOf(ledger.entries, interim)
      if (data.points.length < Math.max(2, warmup) || cube.size === 0) {
        return newPoint(space, random, isTried, early?.(point))
      }
      const isSpent = spentIn({ ledger, good: goodAmong(ledger.ranked.length), tried, isTried })
      const kernel = fitted(data, mostData)
      const used = thinned(data, mostData)
      const values = standardized(used.losses)
      const known = posterior({ points: used.points, groups }, values, kernel)
      const pending = ledger.pending
        .filter(({ loss }) => !interim || Number.isNaN(loss))
        .slice(-mostData)
        .map(({ row }) => row)
      const lies = pending.map((row) => lieFor(lie, values, known, row))
      const surrogate =
        pending.length === 0 || lie === 'ignore'
          ? known
          : posterior({ points: [...used.points, ...pending], groups }, [...values, ...lies], kernel)
      const allowed = used.points.filter((_, index) => keepsLimits(used.entries[index] as Entry<Row>, limits))
      // With noise, the least observed value may be luck, so this is the least posterior mean. With the trials under way among them, which are
      // only believed, it was no better (bench quality, 8 and 64 workers).
      const best = allowed.reduce((least, point) => Math.min(least, known.mean(point)), Infinity)
      const candidates = candidatesFor({
        space,
        cube,
        random,
        best: used.points[leading(used.entries, values, limits)] as Row,
        kernel,
        groups,
      })
      const isTaken = isListed ? () => false : takenAmong(used.points, pending)
      if (name === 'thompson') {
        const isFresh = ({ hparams, point }: Candidate) => !isTaken(point) && !isSpent(hparams)
        const fresh = candidates.filter(isFresh).slice(-drawnPoints)
        const drawn = fresh.length === 0 ? undefined : drawnMinimum(surrogate, fresh, random)
        return newPoint(space, random, isSpent, drawn?.hparams)
      }
      const promising = acquisition(name, surrogate, best, kappa, cube.size)
      const promises =
        name === 'logEI' ? feasibly(allowed.length > 0 ? promising : flat, used, groups, kernel, limits) : promising
      return climb(candidates, promises, {
        space,
        cube,
        isTaken,
        isTried: isSpent,
      })
    }
  },
}

interface Data {
  readonly entries: readonly Entry<Row>[]
  readonly points: readonly Row[]
  readonly losses: readonly number[]
}

/** Whether its loss is what it came to, or with `interim` had come to. */
const hasValue = ({ standing, loss }: Entry<Row>, interim: boolean): boolean =>
  standing === 'done' || (interim && (standing === 'pruned' || standing === 'pending') && !Number.isNaN(loss))

/** The trials that have ended, in their order; with `interim` also those that have reported. Empty while none has a value. */
function dataOf(entries: readonly Entry<Row>[], interim: boolean): Data {
  const valued = entries.filter((entry) => hasValue(entry, interim))
  const values = Float64Array.from(valued, ({ loss }) => loss)
  if (values.length === 0) return { entries: [], points: [], losses: [] }
  const poor = values.sort()[Math.floor(0.75 * values.length)] as number
  const counted = entries.filter((entry) => !isOpen(entry) || hasValue(entry, interim))
  const losses = counted.map((entry) => (hasValue(entry, interim) ? entry.loss : poor))
  return { entries: counted, points: counted.map(({ row }) => row), losses }
}

/** At most `most` trials: the best half of that number, and the others evenly by rank. */
function thinned(data: Data, most: number): Data {
  const { entries, points, losses } = data
  const count = points.length
  if (count <= most) return data
  const order = losses.map((_, index) => index).sort((a, b) => (losses[a] as number) - (losses[b] as number) || a - b)
  const half = most >>> 1
  const rest = most - half
  const chosen = [
    ...order.slice(0, half),
    ...Array.from(
      { length: rest },
      (_, index) => order[half + Math.floor(((index + 0.5) * (count - half)) / rest)] as number,
    ),
  ].sort((a, b) => a - b)
  return {
    entries: chosen.map((index) => entries[index] as Entry<Row>),
    points: chosen.map((index) => points[index] as Row),
    losses: chosen.map((index) => losses[index] as number),
  }
}

/**
 * Losses with median 0, the worse half pressed together by a logarithm (a trial that went very wrong says little about the good
 * ones), and deviation 1.
 */
export function standardized(losses: readonly number[]): Float64Array {
  // Halves where the distance between two losses overflows.
  const half = Math.max(...losses) - Math.min(...losses) === Infinity ? 0.5 : 1
  const sorted = losses.map((loss) => half * loss).sort((a, b) => a - b)
  const middle = sorted[sorted.length >>> 1] as number
  const reach = middle - (sorted[0] as number) || (sorted.at(-1) as number) - middle || 1
  const pressed = losses.map((loss) => {
    const z = (half * loss - middle) / reach
    return z > 0 ? Math.log1p(Math.min(Number.MAX_VALUE, z)) : z
  })
  const [center, spread] = [mean(pressed), deviation(pressed) || 1]
  return Float64Array.from(pressed, (value) => (value - center) / spread)
}

/** Fits a kernel whenever the data have grown by a tenth, to what they were then; the last one is kept. */
function keptKernel(groups: readonly number[], interim: boolean): (data: Data, most: number) => Kernel {
  let last: { readonly observations: readonly unknown[]; readonly kernel: Kernel } | undefined
  return ({ entries }, most) => {
    let count = 4
    while (Math.ceil(count * 1.1) <= entries.length) count = Math.ceil(count * 1.1)
    const first = entries.slice(0, count)
    const basis = first.some((entry) => hasValue(entry, interim)) ? first : entries
    const same =
      last?.observations.length === basis.length &&
      basis.every(({ observation }, index) => observation === last?.observations[index])
    if (last !== undefined && same) return last.kernel
    // A pruned trial's loss depends on the other trials: here, on those that were known when the kernel was fitted.
    const { points, losses } = thinned(dataOf(basis, interim), most)
    const kernel = fitKernel({ points, groups }, standardized(losses))
    last = { observations: basis.map(({ observation }) => observation), kernel }
    return kernel
  }
}

function lieFor(lie: string, values: Float64Array, known: Posterior, row: Row): number {
  if (lie === 'min') return Math.min(...values)
  if (lie === 'max') return Math.max(...values)
  if (lie === 'mean') return mean([...values])
  return known.mean(row)
}

/** The candidate at which one function out of the posterior is least. */
function drawnMinimum(surrogate: Posterior, candidates: readonly Candidate[], random: Random): Candidate {
  const [values = new Float64Array()] = drawnValues(surrogate.joint(candidates.map(({ point }) => point)), 1, random)
  const least = values.reduce((best, value, index) => (value < (values[best] as number) ? index : best), 0)
  return candidates[least] as Candidate
}
