/** Turns of those of whom only so many may be at it at once. Whoever asked first comes first. */
export interface Turns {
  /** `begin` is called when the turn has come, perhaps at once. The function that is returned gives the turn up, before or after that. */
  ask(begin: () => void): () => void
}

export function createTurns(atOnce: number): Turns {
  const busy = new Set<() => void>()
  const waiting = new Set<() => void>()
  const next = (): void => {
    for (const begin of waiting) {
      if (busy.size >= atOnce) return
      waiting.delete(begin)
      busy.add(begin)
      begin()
    }
  }
  return {
    ask: (given) => {
      // One for each question, whoever asks.
      const begin = () => {
        given()
      }
      waiting.add(begin)
      next()
      return () => {
        waiting.delete(begin)
        if (busy.delete(begin)) next()
      }
    },
  }
}
