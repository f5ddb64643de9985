/** An ablation as a table for people. */
import pc from 'picocolors'
import type { AblationResult, Comparison, Group } from '../ablation/index.ts'
import { table } from './plain-table.ts'
import { visible } from '../words/index.ts'
import { duration, short } from './text.ts'

/** The base, then each component, what is missed most first; columns that would be empty are left out. */
export function ablationText({ metric, repeats, base, components, test }: AblationResult): string {
  const paired = components.some(({ without }) => without.length === 2)
  const repeated = repeats > 1
  const counted = base.parameters !== null
  const head = ['without', visible(metric)]
  if (repeated) head.push('spread')
  head.push('delta', 'relative')
  if (repeated) head.push('± 95 %', 'p (Holm)', 'differs')
  if (paired) head.push('interaction')
  if (counted) head.push('parameters saved')
  head.push('time saved', 'trials', '')
  const row = (group: Group | Comparison): string[] => {
    const one: Group & Partial<Comparison> = group
    const cells = [nameOf(group.without) || 'nothing (base)', short(group.mean)]
    if (repeated) cells.push(short(group.spread))
    cells.push(signed(one.delta), percent(one.relative))
    if (repeated) cells.push(short(one.error), probability(one.pHolm), wordsOf(one.verdict))
    if (paired) cells.push(signed(one.interaction))
    if (counted) cells.push(short(one.parametersSaved))
    cells.push(time(one.timeSavedMs), `${group.done}/${group.trials.length}`, standing(one))
    return cells
  }
  const lines = [table(head, [base, ...components].map(row))]
  if (repeated) lines.push(pc.dim(`differs: by ${test}, p ≤ 0.05, over ${repeats} repeats`))
  else lines.push(pc.dim('one repeat: differences have no error bars (give `repeats`)'))
  const untimed = components.filter((one) => one.durationMs !== null && one.timeSavedMs === null)
  if (base.durationMs !== null && untimed.length > 0) {
    const why = 'a runner’s first trial takes longer, and is compared with first trials only (give `repeats`)'
    lines.push(pc.dim(`time saved -: ${why}`))
  }
  return lines.join('\n')
}

/** Why components failed or are not possible, a line each. */
export function faultsIn({ base, components }: AblationResult): string[] {
  return [base, ...components].flatMap(({ without, problem, ...one }) => {
    if (problem === null) return []
    const what = 'verdict' in one && one.verdict === 'not possible' ? 'not possible' : 'failed'
    return [`${what}  without ${nameOf(without) || 'nothing'}: ${problem.code}: ${visible(problem.message)}`]
  })
}

/** Side effects in models that lack a layer, a line each. */
export function notesIn({ components }: AblationResult): string[] {
  return components.flatMap(({ without, notes }) => {
    return notes.map((note) => `note    without ${nameOf(without)}: ${visible(note)}`)
  })
}

/** The note at a row's end: why it has no result, or none to compare. */
function standing({ verdict, problem, baseProblem }: Group & Partial<Comparison>): string {
  const own = verdict === 'not possible' || verdict === 'pending' || verdict === 'no base' ? verdict : problem?.code
  const ofBase = baseProblem === null || baseProblem === undefined ? undefined : `the base failed (${baseProblem.code})`
  return [own, ofBase].filter((text) => text !== undefined).join('; ')
}

/** Live: how it stands so far, a line or two. */
export function standingOf({ metric, base, components }: AblationResult): string[] {
  if (base.mean === null) return []
  const most = components.find(({ delta }) => delta !== null)
  const lines = [pc.green(`base ${visible(metric)} ${short(base.mean)}`)]
  if (most !== undefined)
    lines.push(pc.green(`most missed ${nameOf(most.without)}: ${visible(metric)} ${signed(most.delta)}`))
  return lines
}

const nameOf = (components: readonly string[]) => visible(components.join(' + '))

function signed(value: number | null | undefined): string {
  return typeof value === 'number' && value > 0 ? `+${short(value)}` : short(value)
}

function percent(value: number | null | undefined): string {
  return typeof value === 'number' ? `${value > 0 ? '+' : ''}${(value * 100).toFixed(1)} %` : '-'
}

function probability(value: number | null | undefined): string {
  if (typeof value !== 'number') return '-'
  return value < 0.001 ? '<0.001' : value.toFixed(3)
}

function time(ms: number | null | undefined): string {
  if (typeof ms !== 'number') return '-'
  return ms < 0 ? `-${duration(-ms)}` : duration(ms)
}

function wordsOf(value: Comparison['verdict'] | undefined): string {
  if (value === 'worse') return pc.red('worse')
  if (value === 'better') return pc.green('better')
  if (value === undefined) return ''
  return value === 'no difference shown' ? 'not shown' : value === 'failed' ? pc.red(value) : value
}
