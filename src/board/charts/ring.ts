/** A ring as a ring: its members in the order of their ranks, what each waits for, and how the ring stands. Pure. */
import type { Progress } from '../wire.ts'
import type { Chart } from '../drawing/chart.ts'
import { drawEmpty } from '../drawing/plot.ts'
import type { Ink, Size } from '../drawing/pen.ts'
import { number, percent } from '../words.ts'

export type RingStanding = NonNullable<Progress['running'][number]['ring']>

export function ringChart(ring: RingStanding | null): Chart {
  const members = ring?.members ?? []
  const placeOf = (rank: number, size: Size): [number, number] => {
    const angle = (rank / Math.max(1, Math.max(members.length, ring?.wanted ?? 1))) * 2 * Math.PI - Math.PI / 2
    const radius = Math.min(size.width - 180, size.height - 90) / 2
    return [size.width / 2 + radius * Math.cos(angle), size.height / 2 + radius * Math.sin(angle)]
  }
  return {
    summary:
      ring === null
        ? 'no ring trains now'
        : `${ring.members.length} of ${ring.wanted} members, generation ${ring.generation}, ${ring.state}`,
    draw(pen, size) {
      if (ring === null) return drawEmpty(pen, size, 'No ring trains now.')
      const places = Math.max(members.length, ring.wanted)
      const radius = Math.min(size.width - 180, size.height - 90) / 2
      const circle = Array.from({ length: 97 }, (_, at) => {
        const angle = (at / 96) * 2 * Math.PI
        return [size.width / 2 + radius * Math.cos(angle), size.height / 2 + radius * Math.sin(angle)]
      }).flat()
      const ink: Ink = ring.state === 'running' ? 'accent' : 'warn'
      pen.line(circle, { ink: 'grid', width: 10 })
      // The part of a step that is spent computing, rather than waiting for the ring.
      const computing = Math.round(97 * (1 - ring.communication))
      pen.line(turned(circle, 72).slice(0, Math.max(2, computing) * 2), { ink, width: 4, opacity: 0.85 })
      for (let rank = 0; rank < places; rank += 1) {
        const [x, y] = placeOf(rank, size)
        const name = members[rank]
        const slow = name !== undefined && ring.straggler?.worker === name
        pen.circle(x, y, 15, { ink: 'surface' })
        pen.circle(x, y, 13, { ink: name === undefined ? 'grid' : slow ? 'warn' : ink })
        pen.text(x, y, name === undefined ? '?' : String(rank), {
          ink: name === undefined ? 'faint' : 'surface',
          align: 'middle',
          bold: true,
          size: 12,
        })
        const below = y > size.height / 2 - 4
        pen.text(x, y + (below ? 25 : -25), name === undefined ? 'no worker yet' : shortName(name), {
          ink: slow ? 'warn' : 'faint',
          align: 'middle',
          most: 150,
        })
        if (slow)
          pen.text(x, y + (below ? 39 : -39), `takes ${number(ring.straggler?.times)} times as long`, {
            ink: 'warn',
            align: 'middle',
            size: 10,
          })
      }
      const [cx, cy] = [size.width / 2, size.height / 2]
      pen.text(cx, cy - 22, ring.step === null ? ring.state : `step ${ring.step}`, {
        align: 'middle',
        size: 20,
        bold: true,
      })
      pen.text(cx, cy + 3, `${number(ring.samplesPerSecond)} samples/s`, { align: 'middle', size: 13, ink: 'faint' })
      pen.text(cx, cy + 23, `${percent(ring.communication)} communication`, { align: 'middle', size: 13, ink: 'faint' })
    },
    hit(x, y, size) {
      const rank = members.findIndex((_, at) => {
        const [px, py] = placeOf(at, size)
        return (px - x) ** 2 + (py - y) ** 2 < 400
      })
      const name = members[rank]
      if (name === undefined || ring === null) return null
      return { x, y, title: name, lines: [`rank ${rank}`, `generation ${ring.generation}`] }
    },
    numbers: () => ({ columns: ['rank', 'worker'], rows: members.map((worker, rank) => [rank, worker]) }),
  }
}

/** The same circle from another of its points on. */
const turned = (points: readonly number[], by: number): number[] => {
  const open = points.slice(0, -2)
  return [...open.slice(by * 2), ...open.slice(0, by * 2), ...open.slice(by * 2, by * 2 + 2)]
}

const shortName = (name: string): string => (name.length <= 22 ? name : `…${name.slice(-21)}`)
