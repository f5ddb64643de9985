/** Processes below this one or another, by Linux's own books; and their end. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'

interface Running {
  readonly pid: number
  /** Its command line. */
  readonly command: string
}

/** All processes below one, children of children too. */
export function processesBelow(root: number): Running[] {
  const all = readdirSync('/proc').flatMap((name) => {
    try {
      if (!/^\d+$/.test(name)) return []
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1])
      return [{ pid: Number(name), parent, command }]
    } catch {
      return [] // it has ended meanwhile
    }
  })
  const within = new Set([root])
  for (let before = 0; before !== within.size;) {
    before = within.size
    for (const { pid, parent } of all) if (within.has(parent)) within.add(pid)
  }
  return all.filter(({ pid }) => pid !== root && within.has(pid))
}

/** Ends those that still run. Resolves once they are gone. */
export async function killAll(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await ended
  }
}
