/** The results of groups of trials: each as a dot, with the mean of the group and its 95 % interval. Pure. */
import { seriesInk } from '../drawing/palette.ts'
import { nearest, type Chart } from '../drawing/chart.ts'
import { drawEmpty } from '../drawing/plot.ts'
import type { Size } from '../drawing/pen.ts'
import { linear } from '../drawing/scale.ts'
import type { GroupResult } from '../model/groups.ts'
import { number, plural } from '../words.ts'

const row = 30
const top = 10
const bottom = 38

export const groupsHeight = (groups: readonly GroupResult[]): number => top + bottom + Math.max(3, groups.length) * row

export function groupsChart(groups: readonly GroupResult[], metric: string): Chart {
  const ends = groups.flatMap(({ trials, mean, error }) => [
    mean - (error ?? 0),
    mean + (error ?? 0),
    ...trials.map(({ value }) => value),
  ])
  const scale = linear(Math.min(...ends), Math.max(...ends), 0.05)
  const left = ({ width }: Size) => Math.min(220, width * 0.38)
  const at = (size: Size, value: number) => left(size) + scale.part(value) * (size.width - left(size) - 20)
  const dots = groups.flatMap(({ group, trials, place }, line) =>
    trials.map((one) => ({ ...one, group, line, ink: seriesInk(place) })),
  )
  const placeOf = ({ value, line }: (typeof dots)[number], size: Size): [number, number] => [
    at(size, value),
    top + line * row + row / 2,
  ]
  return {
    summary:
      groups.length === 0
        ? 'no result to put together'
        : groups.map((one) => `${one.group}: ${meanText(one)} over ${plural(one.trials.length, 'result')}`).join('; '),
    draw(pen, size) {
      if (groups.length === 0) return drawEmpty(pen, size, 'No result to put together yet.')
      const foot = top + groups.length * row
      for (const { part, label } of scale.ticks(Math.max(2, Math.floor((size.width - left(size)) / 80)))) {
        const x = left(size) + part * (size.width - left(size) - 20)
        pen.line([x, top, x, foot], { ink: 'grid', width: 1 })
        pen.text(x, foot + 12, label, { ink: 'faint', align: 'middle' })
      }
      pen.text(size.width - 20, foot + 27, metric, { ink: 'faint', align: 'end', most: size.width - 40 })
      for (const [line, { group, place, mean, error }] of groups.entries()) {
        const [y, ink] = [top + line * row + row / 2, seriesInk(place)]
        pen.text(left(size) - 10, y, group, { align: 'end', most: left(size) - 16 })
        if (error !== null) {
          const [low, high] = [at(size, mean - error), at(size, mean + error)]
          pen.rect(low, y - 8, Math.max(1, high - low), 16, { ink, opacity: 0.2 })
        }
        pen.rect(at(size, mean) - 1.25, y - 10, 2.5, 20, { ink })
      }
      for (const dot of dots) pen.circle(...placeOf(dot, size), 3, { ink: dot.ink, opacity: 0.6 })
    },
    hit(x, y, size) {
      const found = dots[nearest(dots.length, (place) => placeOf(dots[place] as (typeof dots)[number], size), x, y)]
      if (found === undefined) return null
      const [hx, hy] = placeOf(found, size)
      const lines = [`${metric} ${number(found.value)}`, found.group]
      return { x: hx, y: hy, title: `trial ${found.trial}`, lines, trial: found.trial }
    },
    numbers: () => ({
      columns: ['group', 'results', `mean ${metric}`, 'error95', 'trials'],
      rows: groups.map(({ group, trials, mean, error }) => [
        group,
        trials.length,
        mean,
        error,
        trials.map(({ trial }) => trial).join(' '),
      ]),
    }),
  }
}

const meanText = ({ mean, error }: GroupResult): string =>
  error === null ? number(mean) : `${number(mean)} ± ${number(error)}`
