/** How many of what was given are of use, and why the others are not: counted by reason, and told in one sentence. */

const mostLetters = 1024

interface CountOfUse {
  /** `first` says which one it is, and is told of the first with this reason. */
  leaveOut(reason: string, first: string): void
  sentence(used: number, all: number): string
}

/** `name` says what was given: `warmStart`. */
export function countOfUse(name: string): CountOfUse {
  /** By reason, how many, and the first. */
  const unused = new Map<string, { count: number; readonly first: string }>()
  return {
    leaveOut(reason, first) {
      const known = unused.get(reason)
      if (known === undefined) unused.set(reason, { count: 1, first })
      else known.count += 1
    },
    sentence(used, all) {
      const others = [...unused].map(
        ([reason, { count, first }]) => `${count} ${reason} (${count === 1 ? '' : 'first: '}${first})`,
      )
      return [`${name}: ${used} of ${all} trials are of use`, ...others].join('; ').slice(0, mostLetters)
    },
  }
}
