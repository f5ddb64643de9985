/**
 * The experiments that an optimizer or an ablator knows. Their number is bounded: the one that was not used for longest is forgotten, and
 * the driver reopens it.
 */
export interface SessionLimits {
  /** Experiments at once. */
  readonly sessions: number
  /** Trials in all histories together. */
  readonly trials: number
}

export const defaultLimits: SessionLimits = { sessions: 1000, trials: 1_000_000 }

export interface Sessions<S> {
  readonly size: number
  get(key: string): S | undefined
  set(key: string, session: S): void
  delete(key: string): void
  /** Forgets until the limits hold; never the one that was used last. */
  trim(): void
}

export function createSessions<S extends { readonly size: number }>(
  limits: SessionLimits = defaultLimits,
): Sessions<S> {
  /** In the order of their last use. */
  const known = new Map<string, S>()
  const use = (key: string, session: S): void => {
    known.delete(key)
    known.set(key, session)
  }
  return {
    get size() {
      return known.size
    },
    get(key) {
      const session = known.get(key)
      if (session !== undefined) use(key, session)
      return session
    },
    set: use,
    delete: (key) => void known.delete(key),
    trim() {
      let trials = 0
      for (const session of known.values()) trials += session.size
      for (const [key, session] of known) {
        if (known.size <= 1 || (known.size <= limits.sessions && trials <= limits.trials)) return
        known.delete(key)
        trials -= session.size
      }
    },
  }
}
