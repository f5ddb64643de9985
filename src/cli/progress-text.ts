/** Live progress as text: pure, so that it can be read in a test. */
import pc from 'picocolors'
import { own, type Problem } from '../../protocol/index.ts'
import type { Progress, Waiting } from '../client/index.ts'
import { searchedHparams, type Outline, type Result, type TrialResult } from '../store/index.ts'
import { visible } from '../words/index.ts'
import { standingOf } from './ablation-table.ts'
import { duration, isRefused, pairs, short, valueText } from './text.ts'

export interface Standing {
  readonly result: Outline & Pick<Result, 'ablation'>
  readonly progress: Progress | null
  readonly waiting: Waiting | null
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly now: number
}

const barWidth = 30
const maximumLines = 12

/** Several lines: bar, counts and ETA; the best so far; a line for each trial that runs. */
export function progressText({ result, progress, waiting, now }: Standing): string {
  const { counts, wanted } = result
  const over = finished(result)
  const filled = wanted === 0 ? 0 : Math.round((barWidth * Math.min(over, wanted)) / wanted)
  const bar = `[${'='.repeat(filled)}${' '.repeat(barWidth - filled)}]`
  const elapsed = result.startedAt === null ? null : now - result.startedAt
  const lines = [
    `${pc.bold(result.experiment)}  ${duration(elapsed)}`,
    `${bar} ${over}/${wanted} trials, ${countsText(counts)}, ETA ${duration(eta(result, now))}`,
  ]
  if (result.ablation !== undefined) lines.push(...standingOf(result.ablation))
  else if (result.best !== null) {
    const metric = result.objectives[0]?.metric ?? ''
    const { best } = result
    lines.push(
      pc.green(
        `best ${visible(metric)} ${valueText(own(best.metrics, metric))}, trial ${best.trial}: ${pairs(searchedHparams(result, best))}`,
      ),
    )
  }
  const running = progress?.running ?? []
  for (const { worker, slot, trial, attempt, step, metrics, startedAt, ring } of running.slice(0, maximumLines)) {
    if (ring !== undefined) {
      lines.push(...ringLines(trial, ring, pairs(metrics)))
      continue
    }
    const again = attempt > 1 ? ` (attempt ${attempt})` : ''
    const where = step === null ? '' : ` step ${step}`
    const since = startedAt === null ? '' : `  ${duration(Math.max(0, now - startedAt))}`
    lines.push(`  ${worker}/${slot}  trial ${trial}${again}${where}  ${pairs(metrics)}${since}`)
  }
  if (running.length > maximumLines) lines.push(`  and ${running.length - maximumLines} more`)
  if (waiting !== null) lines.push(pc.yellow(waitingText(waiting)))
  return lines.join('\n')
}

type Ring = NonNullable<Progress['running'][number]['ring']>

/** A trial that several workers train: how far, how fast, who. */
function ringLines(trial: number, ring: Ring, metrics: string): string[] {
  const { state, step, samplesPerSecond, communication, members, wanted, generation, straggler } = ring
  const pace = `${short(samplesPerSecond)} samples/s over all, ${Math.round(communication * 100)} % communication`
  const at = step === null ? state : `step ${step}${state === 'running' ? '' : `, ${state}`}`
  const lines = [
    [`  trial ${trial}  ${at}`, pace, metrics].filter(Boolean).join('  '),
    `    ring of ${members.length}/${wanted} (generation ${generation}): ${shortened(members)}`,
  ]
  if (straggler !== null) {
    lines.push(
      pc.yellow(
        `    waiting for ${straggler.worker}, which takes ${short(straggler.times)} times as long as the others`,
      ),
    )
  }
  return lines
}

function shortened(names: readonly string[]): string {
  const more = names.length - maximumLines
  return more <= 0 ? names.join(' ') : `${names.slice(0, maximumLines).join(' ')} and ${more} more`
}

/** How far a search is, kept up trial by trial. */
export interface Tally {
  readonly finished: number
  readonly wanted: number
  /** The number of the best trial so far. */
  readonly best: number | null
  readonly searched: readonly string[]
}

/** How far the search is by now. */
export function tallyOf(outline: Outline): Tally {
  const { wanted, best, searched } = outline
  return { finished: finished(outline), wanted, best: best?.trial ?? null, searched }
}

/** One line for a trial that is over. */
export function trialText(trial: TrialResult, tally: Tally): string {
  const what = trial.problem === undefined ? pairs(trial.metrics) : problemText(trial.problem)
  const chosen = trial.ablated === undefined ? pairs(searchedHparams(tally, trial)) : withoutText(trial)
  const best = tally.best === null || trial.ablated !== undefined ? '' : `, best trial ${tally.best}`
  const at = `${tally.finished}/${tally.wanted}${best}`
  const state = isRefused(trial) ? 'not possible' : trial.state
  return `trial ${trial.trial} ${state} in ${duration(trial.durationMs)}: ${what} (${chosen}) [${at}]`
}

/** The components that a trial of an ablation leaves out. */
function withoutText({ ablated }: TrialResult): string {
  const names = ablated?.components.map(({ name }) => name).join(' + ') || 'nothing'
  return `without ${visible(names)}, repeat ${(ablated?.repeat ?? 0) + 1}`
}

function problemText({ code, message, remedy }: Problem): string {
  return visible(`${code}: ${message}${remedy === undefined ? '' : `; ${remedy}`}`)
}

export function waitingText({ code, message }: Waiting): string {
  return visible(`waiting: ${message} (${code})`)
}

function countsText({ running, done, failed, pruned, cancelled }: Result['counts']): string {
  const parts = [`${done} done`, `${running} running`, `${failed} failed`]
  if (pruned > 0) parts.push(`${pruned} pruned`)
  if (cancelled > 0) parts.push(`${cancelled} cancelled`)
  return parts.join(', ')
}

function finished({ counts }: Outline): number {
  return counts.done + counts.pruned + counts.failed + counts.cancelled
}

/** As long as the trials so far took, for as many as are left. */
function eta(result: Outline, now: number): number | null {
  const over = finished(result)
  if (over === 0 || result.startedAt === null) return null
  return ((now - result.startedAt) / over) * Math.max(0, result.wanted - over)
}
