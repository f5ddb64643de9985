/** What a cell shows of an experiment: as HTML with pictures in it, as one SVG, and as text. Static: no script in it. Pure. */
import { own } from '../../protocol/index.ts'
import type { Picture } from '../board/index.ts'
import { duration, progressText, resultText, valueText } from '../cli/index.ts'
import type { Progress, Waiting } from '../client/index.ts'
import { rank, searchedHparams, type Result, type TrialResult } from '../store/index.ts'
import type { MimeBundle } from './kernel.ts'

export interface Frame {
  readonly result: Result
  readonly isOver: boolean
  readonly progress: Progress | null
  readonly waiting: Waiting | null
  readonly pictures: readonly Picture[]
  readonly said: readonly string[]
  /** Puts cells and lines in the place of those of the shipped module. */
  readonly places: (text: string) => string
}

const mostRows = 8
const mostFailures = 3

export function bundleOf(frame: Frame): MimeBundle {
  return { 'text/html': htmlOf(frame), 'image/svg+xml': svgOf(frame.pictures), 'text/plain': textOf(frame) }
}

function textOf({ result, isOver, progress, waiting, said, places }: Frame): string {
  const standing = isOver ? resultText(result) : progressText({ result, progress, waiting, now: Date.now() })
  return plain([...said, standing, ...failuresIn(result, places)].join('\n'))
}

/** Terminals' colours are of no use here. */
// eslint-disable-next-line no-control-regex
const plain = (text: string): string => text.replaceAll(/\u001B\[[\d;]*m/g, '')

function htmlOf({ result, isOver, progress, waiting, pictures, said, places }: Frame): string {
  const { counts, wanted } = result
  const over = counts.done + counts.pruned + counts.failed + counts.cancelled
  const part = wanted === 0 ? 0 : Math.min(1, over / wanted)
  const state = isOver ? result.state : 'running'
  const elapsed = result.startedAt === null ? null : (result.endedAt ?? Date.now()) - result.startedAt
  const numbers = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
  const lines = [
    `<b>${escaped(result.experiment)}</b> ${state}, ${duration(elapsed)}`,
    `<progress value="${part}" max="1" style="width:260px"></progress> ${over} of ${wanted} trials: ${numbers.join(', ')}`,
    ...said.map((line) => `<small>${escaped(line)}</small>`),
    ...ringLines(progress).map(escaped),
    ...(isOver || waiting === null ? [] : [`<span style="color:#9a6700">${escaped(waiting.message)}</span>`]),
    ...(result.notes ?? []).map((note) => `<small>${escaped(note)}</small>`),
    ...failuresIn(result, places).map((line) => `<pre style="color:#b3261e;margin:4px 0">${escaped(line)}</pre>`),
  ]
  const drawn = pictures.map(
    ({ title, svg }) => `<figure style="margin:6px"><figcaption>${escaped(title)}</figcaption>${svg}</figure>`,
  )
  return [
    '<div style="font-family:system-ui,sans-serif;font-size:13px">',
    ...lines.map((line) => `<div>${line}</div>`),
    tableOf(result),
    `<div style="display:flex;flex-wrap:wrap">${drawn.join('')}</div>`,
    '</div>',
  ].join('\n')
}

/** The best trials, of an ablation each component. */
function tableOf(result: Result): string {
  const { ablation, objectives } = result
  if (ablation !== undefined) {
    const rows = ablation.components.map((one) => [
      one.without.join(' + '),
      valueText(one.mean),
      signed(one.delta),
      one.error === null ? '' : `± ${valueText(one.error)}`,
      one.verdict,
    ])
    const base = ['nothing (base)', valueText(ablation.base.mean), '', '', '']
    return tableHtml(['without', ablation.metric, 'change', '', ''], [base, ...rows])
  }
  const ranked = rank(result.trials, objectives)
  const trials = ranked.length > 0 ? ranked : result.trials
  const metrics = objectives.length > 0 ? objectives.map(({ metric }) => metric) : namesOf(trials)
  const names = result.searched
  const rows = trials
    .slice(0, mostRows)
    .map((trial) => [
      String(trial.trial),
      trial.state,
      ...metrics.map((metric) => valueText(own(trial.metrics, metric))),
      ...names.map((name) => valueText(own(searchedHparams(result, trial), name))),
      duration(trial.durationMs),
    ])
  return rows.length === 0 ? '' : tableHtml(['trial', 'state', ...metrics, ...names, 'time'], rows)
}

const signed = (value: number | null): string => `${value !== null && value > 0 ? '+' : ''}${valueText(value)}`

const namesOf = (trials: readonly TrialResult[]): string[] => [
  ...new Set(trials.flatMap(({ metrics }) => Object.keys(metrics))),
]

function tableHtml(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, values: readonly string[]) =>
    `<tr>${values.map((value) => `<${tag} style="text-align:left;padding:2px 10px">${escaped(value)}</${tag}>`).join('')}</tr>`
  return `<table>${cells('th', head)}${rows.map((row) => cells('td', row)).join('')}</table>`
}

function ringLines(progress: Progress | null): string[] {
  return (progress?.running ?? []).flatMap(({ ring }) =>
    ring === undefined
      ? []
      : [
          `ring of ${ring.members.length}/${ring.wanted}, ${ring.state}, generation ${ring.generation}, step ${ring.step ?? '–'}`,
        ],
  )
}

/** The first trials that failed, each with the place in the cell that it came from. */
function failuresIn({ trials, problem }: Result, places: (text: string) => string): string[] {
  const failed = trials.flatMap((trial) =>
    trial.problem === undefined ? [] : [{ of: `trial ${trial.trial}`, ...trial.problem }],
  )
  const all = [...(problem === undefined ? [] : [{ of: 'the experiment', ...problem }]), ...failed]
  const lines = all.slice(0, mostFailures).map(({ of, code, message, stack }) => {
    const frames = (stack ?? '').split('\n').filter((line) => /^\s+at .*cell-/.test(line))
    return places([`${of}: ${code}: ${message}`, ...frames.slice(0, 3)].join('\n'))
  })
  return all.length > mostFailures ? [...lines, `and ${all.length - mostFailures} more`] : lines
}

/** One file: the pictures below each other. */
function svgOf(pictures: readonly Picture[]): string {
  const width = Math.max(1, ...pictures.map(({ size }) => size.width))
  let y = 0
  const placed = pictures.map(({ size, svg, title }, place) => {
    const at = y
    y += size.height + 24
    // Clips have names, and those of one file must differ.
    const own = svg.replaceAll(/\b(clip\d+)\b/g, `$1of${place}`)
    return `<text x="6" y="${at + 16}" font-family="system-ui, sans-serif" font-size="13">${escaped(title)}</text><g transform="translate(0 ${at + 24})">${own}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.max(1, y)}"><rect width="100%" height="100%" fill="#ffffff"/>${placed.join('\n')}</svg>`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
