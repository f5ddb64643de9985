/** Processes that carry the mark of a world in their environment: its actors, and all that these started. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Process {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

export const isRunner = ({ command }: Process): boolean => command.includes('runner-main')

export function markedWith(mark: string): Process[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return []
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark)) return []
      // The name of the program, in brackets, may hold brackets and spaces of its own.
      const parent = Number(/.*\) \S+ (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1])
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return [{ pid: Number(name), parent, command }]
    } catch {
      return [] // it has ended meanwhile
    }
  })
}
