/**
 * The lanes of the slots: which attempt ran where and when. There is no barrier to be seen in it, for there is none: a slot that falls
 * free has the next trial at once, a trial that was stopped early makes room, one that was lost runs again elsewhere. Pure.
 */
import type { AttemptRecord } from '../../history/index.ts'
import type { Chart } from '../drawing/chart.ts'
import { drawEmpty } from '../drawing/plot.ts'
import type { Ink, Size } from '../drawing/pen.ts'
import { elapsed } from '../drawing/scale.ts'
import { beginOf, lanesOf } from '../model/attempts.ts'
import { duration, plural } from '../words.ts'

const left = 118
const right = 16
const top = 8
const bottom = 36

export interface TimelineOptions {
  readonly now: number
  readonly best: number | null
  readonly chosen: ReadonlySet<number>
}

/** How high it wants to be. */
export const timelineHeight = (attempts: readonly AttemptRecord[]): number =>
  top + bottom + Math.max(1, lanesOf(attempts).length) * rowHeight(lanesOf(attempts).length)

const rowHeight = (lanes: number): number => (lanes > 24 ? 12 : lanes > 10 ? 18 : 28)

const endingInk = (attempt: Pick<AttemptRecord, 'ending' | 'trial'>, best: number | null): Ink => {
  if (attempt.ending === null) return 'running'
  return attempt.ending === 'done' && attempt.trial === best ? 'good' : inkOfEnding[attempt.ending]
}

const inkOfEnding: Readonly<Record<NonNullable<AttemptRecord['ending']>, Ink>> = {
  done: 'accent',
  // It has trained as the member of its ring that counts.
  superseded: 'accent',
  stopped: 'quiet',
  cancelled: 'quiet',
  returned: 'quiet',
  failed: 'warn',
  lost: 'bad',
  crashed: 'bad',
  oom: 'bad',
}

export function timelineChart(attempts: readonly AttemptRecord[], options: TimelineOptions): Chart {
  const { now, best, chosen } = options
  const lanes = lanesOf(attempts)
  // Of a ring each member has an attempt of its own: only what was lost is tried again.
  const lost = new Set(
    attempts
      .filter(({ ending }) => ending === 'lost' || ending === 'crashed' || ending === 'oom')
      .map(({ trial }) => trial),
  )
  const from = Math.min(...lanes.map((lane) => beginOf(lane.attempts[0])))
  const open = attempts.some(({ endedAt }) => endedAt === null)
  const to = open ? now : attempts.reduce((latest, { endedAt }) => Math.max(latest, endedAt ?? 0), 0)
  const scale = elapsed(Math.max(1, to - from))
  const row = rowHeight(lanes.length)
  const boxOf = (attempt: AttemptRecord, lane: number, size: Size) => {
    const width = size.width - left - right
    const x = left + scale.part(beginOf(attempt) - from) * width
    const end = left + scale.part((attempt.endedAt ?? now) - from) * width
    return { x, y: top + lane * row + 2, width: Math.max(1.5, end - x - 0.5), height: row - 4 }
  }
  return {
    summary:
      lanes.length === 0
        ? 'no trial has been handed to a worker yet'
        : `${plural(attempts.length, 'attempt')} on ${plural(lanes.length, 'slot')} in ${duration(to - from)}`,
    draw(pen, size) {
      if (lanes.length === 0) return drawEmpty(pen, size, 'Waiting for a worker to take the first trial.')
      const foot = top + lanes.length * row
      for (const { part, label } of scale.ticks(Math.floor((size.width - left) / 90))) {
        const x = left + part * (size.width - left - right)
        pen.line([x, top, x, foot], { ink: 'grid', width: 1 })
        pen.text(x, foot + 12, label, { ink: 'faint', align: 'middle' })
      }
      for (const [lane, { name, attempts: own }] of lanes.entries()) {
        pen.text(left - 8, top + lane * row + row / 2, shortLane(name), {
          ink: 'faint',
          align: 'end',
          size: row < 16 ? 9 : 11,
          most: left - 12,
        })
        for (const attempt of own) {
          const { x, y, width, height } = boxOf(attempt, lane, size)
          const ink = endingInk(attempt, best)
          pen.rect(x, y, width, height, { ink, opacity: attempt.ending === null ? 0.75 : 0.92 })
          if (chosen.has(attempt.trial)) pen.rect(x, y + height - 3, width, 3, { ink: 'warn' })
          if (attempt.attempt > 1 && lost.has(attempt.trial) && width > 4) pen.rect(x, y, 2.5, height, { ink: 'bad' })
          if (width > 22 && row >= 18) {
            pen.text(x + width / 2, y + height / 2, String(attempt.trial), {
              ink: 'surface',
              align: 'middle',
              size: 10,
              bold: true,
              most: width,
            })
          }
        }
      }
      pen.text(size.width - right, foot + 27, 'time since the first trial began', { ink: 'faint', align: 'end' })
    },
    hit(x, y, size) {
      const lane = Math.floor((y - top) / row)
      const own = lanes[lane]?.attempts ?? []
      const found = own.find((attempt) => {
        const box = boxOf(attempt, lane, size)
        return x >= box.x - 1 && x <= box.x + box.width + 1
      })
      if (found === undefined) return null
      const took = duration((found.endedAt ?? now) - beginOf(found))
      const again = found.attempt > 1 ? `, attempt ${found.attempt}` : ''
      const lines = [
        `${found.ending ?? 'under way'} after ${took}${again}`,
        `${found.worker}/${found.slot}`,
        ...(found.reason === null ? [] : [found.reason]),
      ]
      return { x, y, title: `trial ${found.trial}`, lines, trial: found.trial }
    },
    numbers: () => ({
      columns: ['trial', 'attempt', 'worker', 'slot', 'began', 'ended', 'ending', 'reason'],
      rows: attempts.map((one) => [
        one.trial,
        one.attempt,
        one.worker,
        one.slot,
        new Date(beginOf(one)).toISOString(),
        one.endedAt === null ? null : new Date(one.endedAt).toISOString(),
        one.ending,
        one.reason,
      ]),
    }),
  }
}

/** Names end in what tells them apart. */
const shortLane = (name: string): string => (name.length <= 17 ? name : `…${name.slice(-16)}`)
