/** Which experiments are meant: by tag, state, name and age. Pure but for the clock that is handed in. */
import { problem, pinnedTag } from '../../protocol/index.ts'
import { expired } from '../history/index.ts'
import type { Outline } from '../store/index.ts'

export interface Filters {
  /** All of these. */
  readonly tag?: readonly string[]
  /** One of these. */
  readonly state?: readonly string[]
  /** A part of its id or of its name in the definition. */
  readonly name?: string
  /** It began no longer ago than this (`7d`, `12h`), or not before this date. */
  readonly since?: string
}

export function filtered(
  all: readonly Outline[],
  { tag = [], state = [], name, since }: Filters,
  now: number,
): Outline[] {
  const from = since === undefined ? undefined : instantOf(since, now)
  return all.filter(
    (outline) =>
      tag.every((one) => outline.tags?.includes(one)) &&
      (state.length === 0 || state.includes(outline.state)) &&
      (name === undefined || outline.experiment.includes(name) || outline.name.includes(name)) &&
      (from === undefined || (outline.startedAt ?? 0) >= from),
  )
}

/** Those that ended longer ago than `olderThan`, or are more than `keep`; never one that is pinned, or runs. */
export function dueOf(
  all: readonly Outline[],
  { olderThan, keep }: { readonly olderThan?: string | undefined; readonly keep?: number | undefined },
  now: number,
): string[] {
  const ended = all.flatMap(({ experiment, endedAt, tags = [] }) =>
    endedAt === null ? [] : [{ experiment, endedAt, pinned: tags.includes(pinnedTag) }],
  )
  return expired(ended, { olderThanMs: olderThan === undefined ? undefined : spanOf(olderThan), keep }, now)
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `30d`, `12h`, `90m`, `2w` in milliseconds. Throws OPTION_INVALID. */
function spanOf(text: string, option = '--older-than'): number {
  const ms = spanIn(text)
  if (ms === undefined) throw problem('OPTION_INVALID', { option, reason: `is ${text}: write 30d, 12h, 90m or 2w` })
  return ms
}

function spanIn(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([mhdw])$/.exec(text.trim()) ?? []
  return number === undefined ? undefined : Number(number) * (units[unit] ?? 0)
}

function instantOf(text: string, now: number): number {
  const ms = spanIn(text)
  if (ms !== undefined) return now - ms
  const at = Date.parse(text)
  if (/^\d{4}-\d\d/.test(text.trim()) && Number.isFinite(at)) return at
  throw problem('OPTION_INVALID', { option: '--since', reason: `is ${text}: write 7d, 12h, or a date as 2026-01-31` })
}
