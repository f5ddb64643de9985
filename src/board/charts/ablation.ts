/** The worth of each component: its delta against the base with its 95 % interval, and each repeat as a dot. Pure. */
import type { AblationResult } from '../../ablation/index.ts'
import type { Chart } from '../drawing/chart.ts'
import { drawEmpty } from '../drawing/plot.ts'
import type { Ink, Size } from '../drawing/pen.ts'
import { linear } from '../drawing/scale.ts'
import type { Trials } from '../model/trials.ts'
import { number } from '../words.ts'

const row = 34
const top = 26
const bottom = 34

export const ablationHeight = (result: AblationResult | undefined): number =>
  top + bottom + Math.max(2, result?.components.length ?? 0) * row

type Component = AblationResult['components'][number]

export function ablationChart(result: AblationResult | undefined, trials: Trials): Chart {
  const components = result?.components ?? []
  const base = result?.base.mean ?? null
  const dots = components.map((one) =>
    base === null ? [] : dotsOf(one, trials, result?.metric ?? '').map((value) => value - base),
  )
  const ends = components.flatMap(({ delta, error }, place) => [
    ...(delta === null ? [] : [delta - (error ?? 0), delta + (error ?? 0)]),
    ...(dots[place] ?? []),
  ])
  const scale = linear(Math.min(0, ...ends), Math.max(0, ...ends), 0.06)
  const left = (size: Size) => Math.min(190, size.width * 0.34)
  // Beside the bars stand their numbers, where there is room; a table has them anyway.
  const isNarrow = (size: Size) => size.width < 480
  const width = (size: Size) => Math.max(20, size.width - left(size) - (isNarrow(size) ? 16 : 136))
  return {
    summary:
      components.length === 0
        ? 'no component has been left out yet'
        : components.map((one) => `without ${one.without.join(' and ')}: ${deltaText(one)}, ${one.verdict}`).join('; '),
    draw(pen, size) {
      if (components.length === 0) return drawEmpty(pen, size, 'Waiting for the first trial that leaves something out.')
      const at = (value: number) => left(size) + scale.part(value) * width(size)
      const foot = top + components.length * row
      for (const { part, label } of scale.ticks(Math.floor(width(size) / 80))) {
        const x = left(size) + part * width(size)
        pen.line([x, top, x, foot], { ink: 'grid', width: 1 })
        pen.text(x, foot + 12, label, { ink: 'faint', align: 'middle' })
      }
      pen.text(left(size), 12, `change of ${result?.metric} against the base (${number(base)})`, {
        ink: 'faint',
        most: width(size) + 90,
      })
      for (const [place, one] of components.entries()) {
        const y = top + place * row
        pen.text(left(size) - 10, y + row / 2, one.without.join(' + '), { align: 'end', most: left(size) - 14 })
        if (one.delta === null) {
          pen.text(
            at(0) + 8,
            y + row / 2,
            one.problem === null ? one.verdict : `${one.verdict} (${one.problem.code})`,
            { ink: one.verdict === 'pending' ? 'faint' : 'warn', most: width(size) },
          )
          continue
        }
        const [from, to] = [Math.min(at(0), at(one.delta)), Math.max(at(0), at(one.delta))]
        pen.rect(from, y + 9, Math.max(1, to - from), row - 18, { ink: inkOf(one), opacity: 0.8 })
        if (one.error !== null) {
          const [low, high, middle] = [at(one.delta - one.error), at(one.delta + one.error), y + row / 2]
          pen.line([low, middle, high, middle], { ink: 'text', width: 1.5 })
          for (const x of [low, high]) pen.line([x, middle - 5, x, middle + 5], { ink: 'text', width: 1.5 })
        }
        for (const dot of dots[place] ?? []) pen.circle(at(dot), y + row / 2 + 9, 2.4, { ink: 'text', opacity: 0.55 })
        if (isNarrow(size)) continue
        pen.text(left(size) + width(size) + 10, y + row / 2, deltaText(one), {
          ink: inkOf(one) === 'quiet' ? 'faint' : inkOf(one),
          bold: one.verdict === 'worse' || one.verdict === 'better',
        })
      }
      pen.line([at(0), top - 4, at(0), foot], { ink: 'text', width: 1 })
    },
    hit(x, y, size) {
      const one = components[Math.floor((y - top) / row)]
      if (one === undefined || x < 0 || x > size.width) return null
      const lines = [`change ${deltaText(one)}`, one.verdict, `${one.done} done, ${one.failed} failed`]
      if (one.pHolm !== null) lines.push(`p ${number(one.pHolm)} (${result?.test})`)
      if (one.problem !== null) lines.push(one.problem.message)
      return { x, y, title: `without ${one.without.join(' + ')}`, lines }
    },
    numbers: () => ({
      columns: ['without', 'mean', 'delta', 'error95', 'p', 'verdict', 'parameters saved', 'ms saved'],
      rows: components.map((one) => [
        one.without.join(' + '),
        one.mean,
        one.delta,
        one.error,
        one.pHolm,
        one.verdict,
        one.parametersSaved,
        one.timeSavedMs,
      ]),
    }),
  }
}

/** The values of each repeat. */
function dotsOf({ trials: numbers }: Component, trials: Trials, metric: string): number[] {
  return numbers.flatMap((trial) => {
    const place = trials.place(trial)
    const value = place === undefined || trials.state(place) !== 'done' ? null : trials.metrics.get(metric)?.[place]
    return typeof value === 'number' ? [value] : []
  })
}

const inkOf = ({ verdict }: Component): Ink => (verdict === 'worse' ? 'bad' : verdict === 'better' ? 'good' : 'quiet')

export const deltaText = ({ delta, error }: Pick<Component, 'delta' | 'error'>): string =>
  delta === null ? '–' : `${delta > 0 ? '+' : ''}${number(delta)}${error === null ? '' : ` ± ${number(error)}`}`
