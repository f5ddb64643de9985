/**
 * One thing that an actor must do, looked at from the other side of the bus. A check runs to its end when the actor does it, and throws a
 * Finding when it does not, or when the check cannot be made.
 */

export interface Check<Peer> {
  /** `<group>.<what may be wrong>`: people and tests know a fault by it. */
  readonly name: string
  /** The behaviour of a conforming actor, as a sentence that begins with a verb. */
  readonly says: string
  /** The harm to an experiment otherwise. */
  readonly why: string
  /** Resolves with a figure worth telling, or with nothing. */
  run(peer: Peer): Promise<string | undefined>
}

/**
 * failed: it breaks the protocol. advised: an experiment runs all the same, and would do better otherwise. skipped: the check could not be
 * made, because the actor refuses what it would be made with, or something for it is missing.
 */
export type FindingKind = 'failed' | 'advised' | 'skipped'

/** Ends a check. It never leaves this folder. */
export class Finding extends Error {
  readonly kind: FindingKind

  constructor(kind: FindingKind, reason: string) {
    super(reason)
    this.kind = kind
  }
}

export function requires(holds: boolean, reason: () => string): asserts holds {
  if (!holds) throw new Finding('failed', reason())
}

/** The same text for the same value, in whatever order its fields stand. */
function canonical(value: unknown): string {
  const ordered = (_: string, each: unknown): unknown =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : typeof each === 'number' && !Number.isFinite(each)
        ? String(each)
        : each
  return JSON.stringify(value, ordered) ?? 'nothing'
}

export const same = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other)
