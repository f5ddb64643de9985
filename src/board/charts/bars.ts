/** Shares by name, the greatest first: how much each hparam matters. Pure. */
import type { Chart } from '../drawing/chart.ts'
import { drawEmpty } from '../drawing/plot.ts'
import { percent } from '../words.ts'

const leastRow = 26
const mostRow = 46

export const barsHeight = (count: number): number => Math.max(120, count * leastRow + 16)

export function barsChart(shares: Readonly<Record<string, number>> | undefined): Chart {
  const sorted = Object.entries(shares ?? {}).sort(([, a], [, b]) => b - a)
  const most = sorted[0]?.[1] ?? 1
  return {
    summary:
      sorted.length === 0 ? 'too few results' : sorted.map(([name, share]) => `${name} ${percent(share)}`).join(', '),
    draw(pen, size) {
      if (sorted.length === 0) return drawEmpty(pen, size, 'It takes ten results to say what matters.')
      const row = Math.min(mostRow, (size.height - 16) / sorted.length)
      const left = Math.min(140, size.width * 0.36)
      const width = size.width - left - 56
      for (const [place, [name, share]] of sorted.entries()) {
        const y = 8 + place * row
        pen.text(left - 8, y + row / 2, name, { align: 'end', most: left - 12 })
        pen.rect(left, y + row * 0.2, width, row * 0.6, { ink: 'grid', opacity: 0.6 })
        pen.rect(left, y + row * 0.2, Math.max(1, (share / most) * width), row * 0.6, { ink: 'accent', opacity: 0.85 })
        pen.text(left + width + 8, y + row / 2, percent(share), { ink: 'faint' })
      }
    },
    numbers: () => ({ columns: ['hparam', 'share'], rows: sorted }),
  }
}
