/** A ring as a ring: its members in the order of their ranks, what each waits for, and how the ring stands. Pure. */
import type { Progress } from '../wire.ts'
import type { Chart } from '../drawing/chart.ts'
import { drawEmpty } from '../drawing/plot.ts'
import type { Ink, Pen, Size } from '../drawing/pen.ts'
import { number, percent } from '../words.ts'

export type RingStanding = NonNullable<Progress['running'][number]['ring']>

/** Names beside more members than these would cover each other: the pointer tells them. */
const mostNamed = 16

/** `isOver`: it will not train again. */
export function ringChart(ring: RingStanding | null, isOver = false): Chart {
  const members = ring?.members ?? []
  const places = Math.max(1, members.length, ring?.wanted ?? 1)
  const radiusIn = (size: Size) =>
    Math.max(40, Math.min(size.width - (isNarrow(size) ? 90 : 280), size.height - 90) / 2)
  const angleOf = (rank: number) => (rank / places) * 2 * Math.PI - Math.PI / 2
  const placeOf = (rank: number, size: Size) => onCircle(size, radiusIn(size), angleOf(rank))
  const dotIn = (size: Size) => Math.max(2, Math.min(13, ((Math.PI * radiusIn(size)) / places) * 0.8))
  return {
    summary:
      ring === null
        ? 'no ring trains now'
        : `${ring.members.length} of ${ring.wanted} members, generation ${ring.generation}, ${ring.state}`,
    draw(pen, size) {
      if (ring === null) return drawEmpty(pen, size, isOver ? 'The training is over.' : 'No ring trains now.')
      const radius = radiusIn(size)
      const circle = Array.from({ length: 97 }, (_, at) => onCircle(size, radius, (at / 96) * 2 * Math.PI)).flat()
      const ink: Ink = ring.state === 'running' ? 'accent' : 'warn'
      pen.line(circle, { ink: 'grid', width: 10 })
      // The part of a step that is spent computing, rather than waiting for the ring.
      const computing = Math.round(97 * (1 - ring.communication))
      pen.line(turned(circle, 72).slice(0, Math.max(2, computing) * 2), { ink, width: 4, opacity: 0.85 })
      const dot = dotIn(size)
      for (let rank = 0; rank < places; rank += 1) {
        const [x, y] = placeOf(rank, size)
        const name = members[rank]
        const slow = name !== undefined && ring.straggler?.worker === name
        pen.circle(x, y, dot + 2, { ink: 'surface' })
        pen.circle(x, y, dot, { ink: name === undefined ? 'grid' : slow ? 'warn' : ink })
        if (dot >= 9)
          pen.text(x, y, name === undefined ? '?' : String(rank), {
            ink: name === undefined ? 'faint' : 'surface',
            align: 'middle',
            bold: true,
            size: 12,
          })
        const lines = [
          ...(name === undefined ? ['no worker yet'] : places <= mostNamed ? [shortName(name)] : []),
          ...(slow ? [`takes ${number(ring.straggler?.times)} times as long`] : []),
        ]
        if (places <= mostNamed || slow) drawBeside(pen, size, [x, y], angleOf(rank), lines, slow ? 'warn' : 'faint')
      }
      const [cx, cy] = [size.width / 2, size.height / 2]
      pen.text(cx, cy - 22, ring.step === null ? ring.state : `step ${ring.step}`, {
        align: 'middle',
        size: 20,
        bold: true,
      })
      const most = 2 * radius - 30
      pen.text(cx, cy + 3, `${number(ring.samplesPerSecond)} samples/s`, {
        align: 'middle',
        size: 13,
        ink: 'faint',
        most,
      })
      const communication = `${percent(ring.communication)} communication`
      pen.text(cx, cy + 23, communication, { align: 'middle', size: isNarrow(size) ? 11 : 13, ink: 'faint', most })
    },
    hit(x, y, size) {
      const reach = Math.max(6, dotIn(size) + 6)
      const rank = members.findIndex((_, at) => {
        const [px, py] = placeOf(at, size)
        return (px - x) ** 2 + (py - y) ** 2 < reach ** 2
      })
      const name = members[rank]
      if (name === undefined || ring === null) return null
      return { x, y, title: name, lines: [`rank ${rank}`, `generation ${ring.generation}`] }
    },
    numbers: () => ({ columns: ['rank', 'worker'], rows: members.map((worker, rank) => [rank, worker]) }),
  }
}

const isNarrow = ({ width }: Size): boolean => width < 480

const onCircle = ({ width, height }: Size, radius: number, angle: number): [number, number] => [
  width / 2 + radius * Math.cos(angle),
  height / 2 + radius * Math.sin(angle),
]

/** Words on the outer side of the ring: to the right or the left of a place, or above or below it where there is no room. */
function drawBeside(
  pen: Pen,
  size: Size,
  [x, y]: readonly [number, number],
  angle: number,
  lines: readonly string[],
  ink: Ink,
): void {
  const [right, down] = [Math.cos(angle), Math.sin(angle)]
  const isBeside = !isNarrow(size) && Math.abs(right) > 0.3
  for (const [line, text] of lines.entries()) {
    const beside = { ink, halo: true, most: 150 }
    if (isBeside)
      pen.text(x + Math.sign(right) * 21, y + line * 14, text, { ...beside, align: right > 0 ? 'start' : 'end' })
    else pen.text(x, y + (down > -0.1 ? 1 : -1) * (25 + line * 14), text, { ...beside, align: 'middle' })
  }
}

/** The same circle from another of its points on. */
const turned = (points: readonly number[], by: number): number[] => {
  const open = points.slice(0, -2)
  return [...open.slice(by * 2), ...open.slice(0, by * 2), ...open.slice(by * 2, by * 2 + 2)]
}

const shortName = (name: string): string => (name.length <= 22 ? name : `…${name.slice(-21)}`)
