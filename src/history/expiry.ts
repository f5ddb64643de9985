/** Which experiments are due to be removed, by age and number. Pure. */

/** An experiment that has ended. */
export interface Ended {
  readonly experiment: string
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly endedAt: number
  readonly pinned: boolean
}

export interface RetentionRule {
  /** Milliseconds since its end. */
  readonly olderThanMs?: number | undefined
  /** How many stay, those that ended last. */
  readonly keep?: number | undefined
}

/** Those that are older, or more than are to be kept, the oldest first; never one that is pinned. */
export function expired(ended: readonly Ended[], { olderThanMs, keep }: RetentionRule, now: number): string[] {
  const loose = ended.filter(({ pinned }) => !pinned).sort((a, b) => b.endedAt - a.endedAt)
  return loose
    .filter(
      ({ endedAt }, place) =>
        (keep !== undefined && place >= keep) || (olderThanMs !== undefined && now - endedAt > olderThanMs),
    )
    .map(({ experiment }) => experiment)
    .toReversed()
}
