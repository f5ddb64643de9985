/**
 * The memory of a runner: how much its slot has, how much it uses, and whether it ended for want of more. A worker's memory is shared by
 * its slots in equal parts.
 */
import { readFileSync } from 'node:fs'
import { bytesText } from '../../src/words/index.ts'

export interface Allowance {
  readonly bytes: number
  /** Whoever uses more is ended; if not, that is only known. */
  readonly isLimit: boolean
}

export interface Meter {
  /** In a sentence; null: it did not run out of memory, as far as is known. */
  readonly outgrown: string | null
  /** A line that it printed beside JavaScript's console. */
  read(line: string): void
  exit(signal: NodeJS.Signals | null): void
  /** It is ended for another reason. */
  close(): void
}

const lookMs = 200
/** A process that is killed while it uses so much of what it has was killed for that. */
const mostOfIt = 0.7
/** V8's own last words. */
const heapIsFull = /JavaScript heap out of memory|Array buffer allocation failed|Cannot allocate memory|std::bad_alloc/

/** Node's flags: a heap no larger than what the slot has. */
export function heapFlags(memory: Allowance | undefined): readonly string[] {
  return memory?.isLimit === true ? [`--max-old-space-size=${Math.max(16, Math.floor(memory.bytes / 2 ** 20))}`] : []
}

export function measured(pid: number | undefined, memory: Allowance | undefined): Meter {
  let outgrown: string | null = null
  let used = 0
  const look = (): void => {
    const bytes = pid === undefined ? undefined : residentBytes(pid)
    if (bytes === undefined || memory === undefined) return
    used = bytes
    if (!memory.isLimit || used <= memory.bytes || pid === undefined) return
    outgrown = `it used ${bytesText(used)} of ${bytesText(memory.bytes)}`
    clearInterval(timer)
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  const timer = setInterval(look, lookMs)
  timer.unref()
  return {
    get outgrown() {
      return outgrown
    },
    read(line) {
      if (heapIsFull.test(line)) outgrown ??= line.trim().slice(0, 256)
    },
    exit(signal) {
      clearInterval(timer)
      if (signal !== 'SIGKILL' || memory === undefined || used < memory.bytes * mostOfIt) return
      outgrown ??= `it was killed when it used ${bytesText(used)} of ${bytesText(memory.bytes)}`
    },
    close() {
      clearInterval(timer)
      used = 0
    },
  }
}

/** A process's own memory in bytes, shared libraries left out; undefined: this host does not say. */
function residentBytes(pid: number): number | undefined {
  try {
    const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
  } catch {
    // Gone meanwhile, or a host without /proc.
    return undefined
  }
}
