/** What processes cost: their processor time, and the memory that they hold. Linux only. */
import { readdir, readFile } from 'node:fs/promises'
import pidusage from 'pidusage'

/** A process and all that it started. */
export async function familyOf(pid: number): Promise<number[]> {
  const children = await childrenOf(pid)
  return [pid, ...(await Promise.all(children.map(familyOf))).flat()]
}

async function childrenOf(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`)
  const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')))
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
}

/** Milliseconds of processor time so far. */
export async function spentBy(pids: readonly number[]): Promise<number> {
  const usages = await Promise.all(pids.map((pid) => pidusage(pid)))
  return usages.reduce((sum, { ctime }) => sum + ctime, 0)
}
