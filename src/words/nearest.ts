/** Which of the names that there are somebody meant. */

/** The name that takes the fewest changes to become this one, if these are few enough to be a slip; undefined if none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const most = Math.max(1, Math.floor(name.length / 3))
  let best: { readonly name: string; readonly changes: number } | undefined
  for (const candidate of known) {
    const changes = distance(name.toLowerCase(), candidate.toLowerCase())
    if (changes <= most && changes < (best?.changes ?? Infinity)) best = { name: candidate, changes }
  }
  return best?.name
}

/** For messages about a name that is unknown: `there are a, b, c`, and before it what may have been meant. */
export function amongst(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  const all = known.length === 0 ? 'there are none' : `there are ${known.join(', ')}`
  return meant === undefined ? all : `did you mean ${meant}? ${all}`
}

/** For messages about a name that nobody answers to: whether a command of maggy's has it, or else which ones it has. */
export function servedBy(command: string, served: readonly string[], name: string): string {
  if (served.includes(name)) return `\`${command}\` has it`
  const meant = nearest(name, served)
  return `${meant === undefined ? '' : `did you mean ${meant}? `}\`${command}\` has ${served.join(', ')}`
}

/** Letters put in, left out, changed, or swapped with the next one (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
