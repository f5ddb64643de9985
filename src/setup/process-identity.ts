import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** The process that holds something: enough to tell a live process from another one that was given the same number later. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** Start time in clock ticks since boot, where the system tells it (Linux), else an empty string. */
  readonly started: string
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, host: hostname(), started: startTime(pid) }
}

/** A process of another host counts as gone: the folders that are locked are local, only a container's name changes. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return false
  try {
    process.kill(identity.pid, 0)
  } catch (error) {
    // EPERM: it is there, and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return identity.started === startTime(identity.pid)
}

export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<ProcessIdentity>
    if (!Number.isInteger(pid) || typeof host !== 'string' || typeof started !== 'string') return undefined
    return { pid: pid as number, host, started }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the command in brackets and may hold blanks; the start time is the 22nd field of all.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie (Z) holds nothing any more, though it still has its number.
    return fields[0] === 'Z' ? 'gone' : (fields[19] ?? '')
  } catch {
    return ''
  }
}
