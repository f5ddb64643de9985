/** Where a ring's members came and went, on the steps of its curve. Pure. */
import type { GenerationRecord } from '../../history/index.ts'
import type { Mark } from '../charts/curves.ts'
import type { Series } from '../series.ts'

/** A line for each generation after the first, at the step that was reported last before it. */
export function marksOf(
  generations: readonly GenerationRecord[],
  series: Pick<Series, 'step' | 'at'> | undefined,
): Mark[] {
  if (series === undefined || series.step.length === 0) return []
  return generations.slice(1).map(({ at, members }, place) => {
    const before = generations[place]?.members ?? []
    const came = members.filter((name) => !before.includes(name)).length
    const went = before.filter((name) => !members.includes(name)).length
    const last = series.at.findLastIndex((reported) => reported <= at)
    const label = [came > 0 ? `+${came}` : '', went > 0 ? `−${went}` : ''].filter(Boolean).join(' ') || 'formed anew'
    return { at: series.step[Math.max(0, last)] ?? 0, label, ink: went > 0 ? 'bad' : 'good' }
  })
}
