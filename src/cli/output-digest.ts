/** Shortens the output of trials: equal lines once, with their number. Pure, and bounded. */
import { visible } from '../words/index.ts'

export interface PrintedLine {
  readonly from: 'stdout' | 'stderr' | 'log'
  readonly text: string
  /** The trial that said it first. */
  readonly trial: number
  count: number
}

/** Different lines that are remembered; those said longest ago go first. */
const maximumLines = 1000

export class OutputDigest {
  readonly #lines = new Map<string, PrintedLine>()
  /** Different lines so far; one that was forgotten counts again. */
  different = 0

  /** Takes a line in; gives it back if it is a new one. Empty lines say nothing. */
  take(trial: number, { from, text }: Pick<PrintedLine, 'from' | 'text'>): PrintedLine | undefined {
    if (text.trim() === '') return undefined
    const key = `${from} ${text}`
    const known = this.#lines.get(key)
    const line: PrintedLine = known ?? { from, text, trial, count: 0 }
    line.count += 1
    this.#lines.delete(key)
    this.#lines.set(key, line)
    if (known !== undefined) return undefined
    this.different += 1
    if (this.#lines.size > maximumLines) this.#lines.delete(this.#lines.keys().next().value ?? '')
    return line
  }

  /** The last lines, in the order in which they were said last. */
  last(count: number): PrintedLine[] {
    return [...this.#lines.values()].slice(-count)
  }

  /** Those said more than once, the most frequent first. */
  repeated(count: number): PrintedLine[] {
    const often = [...this.#lines.values()].filter((line) => line.count > 1)
    return often.toSorted((a, b) => b.count - a.count).slice(0, count)
  }
}

const marks = { stdout: '', stderr: 'stderr: ', log: '' } as const

/** `trial 3: no such file`, `12 times: no such file`. */
export function printedText({ from, text, trial, count }: PrintedLine): string {
  return `${count > 1 ? `${count} times` : `trial ${trial}`}: ${marks[from]}${visible(text)}`
}
