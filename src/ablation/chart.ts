/** The deltas of an ablation as a bar chart: an SVG file that needs nothing else. */
import type { AblationResult, Comparison } from './statistics.ts'

const row = 26
const left = 200
const plot = 420
const right = 130
const top = 56

/** One bar a component, from no difference to its delta, with its 95 % interval where there are repeats. */
export function ablationSvg(result: AblationResult, title: string): string {
  const rows = result.components
  const ends = rows.flatMap(({ delta, error }) => (delta === null ? [] : [delta - (error ?? 0), delta + (error ?? 0)]))
  const low = Math.min(0, ...ends)
  const high = Math.max(0, ...ends)
  const span = high - low || 1
  const x = (value: number) => round(left + ((value - low) / span) * plot)
  const height = top + rows.length * row + 36
  const bars = rows.map((one, index) => barOf(one, top + index * row, x, result.direction))
  const heading = `${title}: ${result.metric} without each component, against ${short(result.base.mean)}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + plot + right}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="12" y="24" font-size="14" font-weight="bold">${escaped(heading)}</text>`,
    `<text x="12" y="42" fill="#666">${escaped(`lines: 95 % intervals over ${result.repeats} repeats; * differs from the base (${result.test}, p ≤ 0.05)`)}</text>`,
    ...bars,
    `<line x1="${x(0)}" x2="${x(0)}" y1="${top - 4}" y2="${top + rows.length * row}" stroke="black"/>`,
    `<text x="${x(0)}" y="${height - 14}" text-anchor="middle">0</text>`,
    '</svg>',
    '',
  ].join('\n')
}

function barOf(one: Comparison, y: number, x: (value: number) => number, direction: 'minimize' | 'maximize'): string {
  const middle = y + row / 2
  const name = `<text x="${left - 10}" y="${middle + 4}" text-anchor="end">${escaped(one.without.join(' + '))}</text>`
  if (one.delta === null) {
    return `${name}<text x="${x(0) + 6}" y="${middle + 4}" fill="#a00">${escaped(standing(one))}</text>`
  }
  const [from, to] = [Math.min(x(0), x(one.delta)), Math.max(x(0), x(one.delta))]
  const missed = one.delta > 0 === (direction === 'minimize')
  const bar = `<rect x="${from}" y="${y + 4}" width="${round(to - from)}" height="${row - 8}" fill="${missed ? '#c0504d' : '#4f81bd'}"/>`
  const line =
    one.error === null
      ? ''
      : `<line x1="${x(one.delta - one.error)}" x2="${x(one.delta + one.error)}" y1="${middle}" y2="${middle}" stroke="black"/>`
  const mark = one.verdict === 'worse' || one.verdict === 'better' ? ' *' : ''
  const said = `${one.delta > 0 ? '+' : ''}${short(one.delta)}${mark}`
  return `${name}${bar}${line}<text x="${left + plot + 12}" y="${middle + 4}">${said}</text>`
}

function standing({ verdict, problem, baseProblem }: Comparison): string {
  const own = problem === null ? verdict : `${verdict}: ${problem.code}`
  return baseProblem === null || verdict === 'base failed' ? own : `${own}; base failed`
}

const round = (value: number) => Number(value.toFixed(1))
const short = (value: number | null) => (value === null ? '-' : String(Number(value.toPrecision(4))))
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
