/**
 * The experiments that an optimizer or an ablator knows. What they take is bounded: the one that was not used for longest is forgotten, and
 * the driver reopens it.
 */
export interface SessionLimits {
  /** Experiments at once. */
  readonly sessions: number
  /** Trials in all histories together. */
  readonly trials: number
  /** Bytes of what was told of them, as messages. In memory it takes about ten times as much. */
  readonly bytes: number
}

export const defaultLimits: SessionLimits = { sessions: 1000, trials: 1_000_000, bytes: 2 ** 26 }

export interface Sessions<S> {
  readonly size: number
  get(key: string): S | undefined
  /** `bytes`: of what it was opened with. */
  set(key: string, session: S, bytes: number): void
  /** It was told something more. */
  grow(key: string, bytes: number): void
  delete(key: string): void
  /** Forgets until the limits hold; never the one that was used last. */
  trim(): void
}

export function createSessions<S extends { readonly size: number }>(
  limits: SessionLimits = defaultLimits,
): Sessions<S> {
  /** In the order of their last use. */
  const known = new Map<string, { readonly session: S; bytes: number }>()
  return {
    get size() {
      return known.size
    },
    get(key) {
      const found = known.get(key)
      if (found === undefined) return undefined
      known.delete(key)
      known.set(key, found)
      return found.session
    },
    set(key, session, bytes) {
      known.delete(key)
      known.set(key, { session, bytes })
    },
    grow(key, bytes) {
      const found = known.get(key)
      if (found !== undefined) found.bytes += bytes
    },
    delete: (key) => void known.delete(key),
    trim() {
      let trials = 0
      let bytes = 0
      for (const one of known.values()) {
        trials += one.session.size
        bytes += one.bytes
      }
      for (const [key, one] of known) {
        const fits = known.size <= limits.sessions && trials <= limits.trials && bytes <= limits.bytes
        if (known.size <= 1 || fits) return
        known.delete(key)
        trials -= one.session.size
        bytes -= one.bytes
      }
    },
  }
}
