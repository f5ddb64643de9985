/** Questions that a page asks the board from time to time. */
import { useEffect, useState } from 'preact/hooks'

/** The last answer; asked again when a key has changed. Without an answer the board is away, as its stream says: what was known stays. */
export function useAsked<T>(ask: () => Promise<T>, initial: T, keys: readonly unknown[]): T {
  const [answer, setAnswer] = useState(initial)
  useEffect(() => {
    let left = false
    const wait = async () => {
      try {
        const found = await ask()
        if (!left) setAnswer(found)
      } catch {
        return
      }
    }
    void wait()
    return () => {
      left = true
    }
  }, [...keys])
  return answer
}
