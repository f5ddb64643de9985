/** Trials and experiments as tables for people. */
import pc from 'picocolors'
import { own, type Metrics, type Problem } from '../../protocol/index.ts'
import { visible, visibleLines } from '../words/index.ts'
import { importances } from '../importance/index.ts'
import type { TrialState } from '../history/index.ts'
import { limitsOf, lossesOf, lossOf } from '../pareto/index.ts'
import {
  rank,
  searchedHparams,
  type ConfigurationResult,
  type Outline,
  type Result,
  type TrialResult,
} from '../store/index.ts'
import { ablationText, faultsIn, notesIn } from './ablation-table.ts'
import { table } from './plain-table.ts'
import { shadowText } from './shadow-table.ts'
import { duration, isRefused, pairs, short, valueText } from './text.ts'

const colour: Record<TrialState, (text: string) => string> = {
  queued: pc.dim,
  running: pc.cyan,
  done: pc.green,
  pruned: pc.yellow,
  failed: pc.red,
  cancelled: pc.dim,
}

/** How many trials a table shows: the best, and the last. */
export interface Shown {
  /** Default: 20. */
  readonly top?: number | undefined
  readonly all?: boolean | undefined
}

const bestShown = 20
const lastShown = 5

/** The best trials first, those without a result after them; of many only the best and the last. */
function trialTable(result: Result, { top = bestShown, all = false }: Shown): string {
  const names = result.searched
  // A training has nothing to compare, and says all that it came to.
  const objectives =
    result.objectives.length > 0
      ? [...new Set([...result.objectives, ...limitsOf(result.objectives)].map(({ metric }) => metric))]
      : [...new Set(result.trials.flatMap(({ metrics }) => Object.keys(metrics)))]
  const inRings = result.trials.some(({ members }) => members !== undefined)
  const ranked = rank(result.trials, result.objectives)
  const isRanked = new Set(ranked)
  const inOrder = [...ranked, ...result.trials.filter((trial) => !isRanked.has(trial))]
  const few = all || inOrder.length <= top + lastShown
  const best = few ? inOrder : inOrder.slice(0, top)
  const isBest = new Set(best)
  const last = few ? [] : result.trials.slice(-lastShown).filter((trial) => !isBest.has(trial))
  const row = (trial: TrialResult) => [
    String(trial.trial),
    colour[trial.state](trial.state),
    ...objectives.map((metric) => valueText(own(trial.metrics, metric))),
    ...names.map((name) => valueText(own(trial.hparams, name))),
    duration(trial.durationMs),
    ...(inRings ? [String(trial.members ?? '-')] : [String(trial.attempts), trial.worker ?? '-']),
    trial.problem?.code ?? (trial.breaks === undefined ? '' : pc.yellow(`breaks ${visible(trial.breaks.join(', '))}`)),
  ]
  const head = [
    'trial',
    'state',
    ...objectives.map(visible),
    ...names.map(visible),
    'time',
    ...(inRings ? ['workers'] : ['attempts', 'worker']),
    '',
  ]
  const rows = best.map(row)
  if (last.length > 0) rows.push(['…'], ...last.map(row))
  const lines = [table(head, rows)]
  if (!few) {
    const shown = `the best ${best.length} and the last ${lastShown} of ${inOrder.length} trials`
    lines.push(pc.dim(`${shown}; \`maggy show ${result.experiment} --all\` shows all, \`--top N\` the best N`))
  }
  return lines.join('\n')
}

function tablesText(result: Result, shown: Shown): string {
  if (result.ablation !== undefined) return ablationText(result.ablation)
  const trials = trialTable(result, shown)
  return result.configurations === undefined ? trials : `${configurationTable(result, shown)}\n\n${trials}`
}

/** Where each is tried several times: means and their standard errors, the best first. */
function configurationTable(result: Result, { top = bestShown, all = false }: Shown): string {
  const { configurations = [], objectives, searched } = result
  const [objective] = objectives
  const lossIn = (one: ConfigurationResult): number =>
    one.state === 'done' && objective !== undefined && lossesOf(one.metrics, objectives) !== undefined
      ? lossOf(one.metrics, objective)
      : Number.MAX_VALUE
  const inOrder = configurations.toSorted((a, b) => lossIn(a) - lossIn(b) || a.configuration - b.configuration)
  const rows = (all ? inOrder : inOrder.slice(0, top)).map((one) => [
    String(one.configuration),
    one.state === 'pending' ? pc.cyan('pending') : colour[one.state](one.state),
    ...objectives.map(({ metric }) => withError(one.metrics, one.errors, metric)),
    ...searched.map((name) => valueText(own(one.hparams, name))),
    `${one.trials[0]} to ${one.trials.at(-1)}`,
  ])
  const head = ['configuration', 'state', ...objectives.map(({ metric }) => `${visible(metric)} (mean ± s.e.)`)]
  return table([...head, ...searched.map(visible), 'trials'], rows)
}

/** `0.971 ± 0.004` */
function withError(metrics: Metrics, errors: Metrics | undefined, metric: string): string {
  const error = own(errors ?? {}, metric)
  const value = valueText(own(metrics, metric))
  return typeof error === 'number' ? `${value} ± ${short(error)}` : value
}

/** The whole of a result: the table, the counts, and the best hparams. */
export function resultText(result: Result, shown: Shown = {}): string {
  const { counts, best, worst, mean, objectives } = result
  // A component that an ablation cannot leave out is no failure.
  const refused = result.trials.filter(isRefused).length
  const told = refused === 0 ? counts : { ...counts, failed: counts.failed - refused, 'not possible': refused }
  const said = Object.entries(told)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
  const lines = [tablesText(result, shown), '']
  lines.push(
    `${result.experiment}: ${result.state} in ${duration(result.durationMs)}, ${said.join(', ') || 'no trials'}`,
  )
  const metric = objectives[0]?.metric ?? ''
  const shownMetric = visible(metric)
  if (result.ablation !== undefined) lines.push(...faultsIn(result.ablation), ...notesIn(result.ablation))
  else if (best !== null) {
    lines.push(
      `best    ${shownMetric} ${withError(best.metrics, best.errors, metric)}, trial ${best.trial}: ${pairs(searchedHparams(result, best))}`,
    )
    lines.push(`worst   ${shownMetric} ${valueText(own(worst?.metrics ?? {}, metric))}, trial ${worst?.trial}`)
    lines.push(`mean    ${shownMetric} ${short(mean)}`)
  }
  if (result.constraints !== undefined && counts.done > 0) lines.push(constraintsText(result.constraints, counts.done))
  if (objectives.length > 1) {
    for (const trial of shown.all === true ? result.pareto : result.pareto.slice(0, shown.top ?? bestShown)) {
      lines.push(`pareto  trial ${trial.trial}: ${pairs(trial.metrics)}: ${pairs(searchedHparams(result, trial))}`)
    }
    const more = result.pareto.length - (shown.top ?? bestShown)
    if (more > 0 && shown.all !== true) lines.push(`pareto  and ${more} more trials (--all shows them)`)
  }
  if (result.shadow !== undefined) lines.push(...shadowText(result.shadow, shown))
  for (const [metric, shares] of Object.entries(importances(result))) {
    const said = Object.entries(shares)
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, share]) => `${visible(name)} ${Math.round(share * 100)} %`)
    lines.push(`matters ${visible(metric)}: ${said.join(', ')}`)
  }
  if (result.holes !== undefined) lines.push(pc.red(holesText(result.holes)))
  const missing = result.wanted - result.trials.length
  if (result.state === 'done' && result.conclusion === undefined && result.ablation === undefined && missing > 0)
    lines.push(`ended   after ${result.trials.length} of ${result.wanted} trials: there was nothing more to try`)
  if (result.conclusion !== undefined) lines.push(`stopped by its rule: ${result.conclusion}`)
  for (const note of result.notes ?? []) lines.push(`note    ${visible(note)}`)
  lines.push(...keptText(result))
  if (result.problem !== undefined)
    lines.push(`error   ${result.problem.code}: ${visibleLines(result.problem.message)}`)
  return lines.join('\n')
}

function constraintsText({ kept, broken }: NonNullable<Result['constraints']>, done: number): string {
  const each = Object.entries(broken).map(([limit, count]) => `${visible(limit)} is broken by ${count}`)
  const none = kept === 0 ? pc.yellow('no trial keeps them, so none is the best; ') : ''
  return `limits  ${none}${kept} of ${done} trials that are done keep them all: ${each.join(', ')}`
}

/** Writes the experiment's provenance, its notes and its tags. */
function keptText({
  bundle,
  provenance,
  workers = [],
  tags = [],
  remarks = [],
  trials,
  experiment,
  removing,
}: Result): string[] {
  const lines: string[] = []
  const { host, user, versions = {}, git } = provenance ?? {}
  const from = host === undefined ? '' : ` from ${visible(user === undefined ? host : `${user}@${host}`)}`
  if (bundle !== undefined)
    lines.push(
      `source  ${visible(bundle.module)} (${bundle.sha256.slice(0, 12)})${from}; \`maggy show ${experiment} --source\``,
    )
  if (git !== undefined) {
    const branch = git.branch === undefined ? '' : ` on ${visible(git.branch)}`
    lines.push(`git     ${git.commit.slice(0, 12)}${branch}${git.dirty ? ', with changes that are not in it' : ''}`)
  }
  const kinds = new Set(workers.map((worker) => `${worker.backend}, ${versionsText(worker.versions)}`))
  if (kinds.size > 0) lines.push(`run on  ${[...kinds].map(visible).join('; ')}`)
  else if (Object.keys(versions).length > 0) lines.push(`sent by ${visible(versionsText(versions))}`)
  const saved = trials.reduce((sum, { artifacts = [] }) => sum + artifacts.length, 0)
  if (saved > 0) lines.push(`saved   ${saved} artifacts; \`maggy artifacts ${experiment}\``)
  if (tags.length > 0) lines.push(`tags    ${tags.join(' ')}`)
  for (const { text } of remarks) lines.push(`noted   ${visible(text)}`)
  if (removing === true) lines.push(pc.red(`its removal was interrupted: \`maggy rm ${experiment}\` goes on with it`))
  return lines
}

const versionsText = (versions: Readonly<Record<string, string>>): string =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')

/** A log that is not whole: what is shown is what is left. */
function holesText({ places, events }: NonNullable<Result['holes']>): string {
  const missing = events === 0 ? 'events are missing' : `${events} events are missing`
  return `the log has a hole: ${missing} at ${places === 1 ? 'one place' : `${places} places`}; this is what is left`
}

/** One line an experiment. `waiting`: the code of what one that is not over waits for. */
export function experimentTable(
  results: readonly (Outline & { readonly waiting?: Pick<Problem, 'code'> | null })[],
): string {
  const tagged = results.some(({ tags }) => tags !== undefined)
  const anyWaits = results.some(({ waiting = null }) => waiting !== null)
  const rows = results.map((result) => {
    const { counts, best, objectives } = result
    const metric = objectives[0]?.metric
    return [
      result.experiment,
      result.removing === true
        ? 'being removed'
        : result.holes === undefined
          ? result.state
          : `${result.state} (its log has a hole)`,
      `${counts.done + counts.pruned + counts.failed + counts.cancelled}/${result.wanted}`,
      String(counts.failed),
      best === null || metric === undefined ? '-' : `${visible(metric)} ${valueText(own(best.metrics, metric))}`,
      result.startedAt === null ? '-' : new Date(result.startedAt).toISOString(),
      duration(result.durationMs),
      ...(anyWaits ? [pc.yellow(result.waiting?.code ?? '')] : []),
      (result.tags ?? []).join(' '),
    ]
  })
  const head = ['experiment', 'state', 'trials', 'failed', 'best', 'started', 'time']
  return table([...head, ...(anyWaits ? ['waiting'] : []), ...(tagged ? ['tags'] : [])], rows)
}
