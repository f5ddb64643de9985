/** Tells a person what set-up is doing, and how long each step took. */
export interface Progress {
  /** Runs one step, and says so before and after. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>
  say(line: string): void
  /** How many steps have run: none means that there was nothing to set up. */
  readonly steps: number
}

export function progressTo(write: (line: string) => void, now: () => number = () => performance.now()): Progress {
  let steps = 0
  return {
    async step(title, work) {
      steps += 1
      write(`${title} …`)
      const begun = now()
      const result = await work()
      write(`${title}: ${((now() - begun) / 1000).toFixed(1)} s`)
      return result
    },
    say: write,
    get steps() {
      return steps
    },
  }
}
