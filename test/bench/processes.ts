/** What processes cost: their processor time. Linux only. */
import { readdir, readFile } from 'node:fs/promises'

/** Milliseconds of processor time so far. */
export interface Spent {
  readonly own: number
  /** By all that it has started, and by what those have, be they gone by now. */
  readonly byOthers: number
}

export async function spentBy(pid: number): Promise<Spent> {
  // Before the process itself, to which the time of a child goes over when that has ended.
  const others = await Promise.all((await childrenOf(pid)).map((child) => spentBy(child).catch(nothingIfGone)))
  const { own, byGone } = await timesOf(pid)
  return { own, byOthers: others.reduce((sum, child) => sum + child.own + child.byOthers, byGone) }
}

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`)
  const children = tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(noneIfGone))
  return (await Promise.all(children)).flatMap((list) => list.split(' ').filter(Boolean).map(Number))
}

/** What Linux counts processor time in, for those who read it. */
const tickMs = 10

/** See proc_pid_stat(5): utime, stime, and both of the children that have ended and been waited for. */
async function timesOf(pid: number): Promise<{ readonly own: number; readonly byGone: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name of the program, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, userOfGone = 0, systemOfGone = 0] = fields.slice(11, 15).map(Number)
  return { own: (user + system) * tickMs, byGone: (userOfGone + systemOfGone) * tickMs }
}

/** A process, or a thread, may have ended since it was listed. */
const isGone = ({ code }: NodeJS.ErrnoException): boolean => code === 'ENOENT' || code === 'ESRCH'
function nothingIfGone(error: NodeJS.ErrnoException): Spent {
  if (isGone(error)) return { own: 0, byOthers: 0 }
  throw error
}
function noneIfGone(error: NodeJS.ErrnoException): string {
  if (isGone(error)) return ''
  throw error
}
