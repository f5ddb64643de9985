/** How far trials of a system test may go: they read it in a file, so that what a test does to them finds them under way. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** The test's side: so many steps may be taken from now on. */
export function allowSteps(file: string, steps: number): void {
  writeFileSync(`${file}.new`, String(steps))
  renameSync(`${file}.new`, file)
}

/** The trial's side, after each step: waits until more than these may be taken. Without a file it never waits. */
export async function keepPace(file: string, taken: number): Promise<void> {
  while (taken >= allowed(file)) await sleep(20)
}

function allowed(file: string): number {
  return file === '' || !existsSync(file) ? Infinity : Number(readFileSync(file, 'utf8'))
}
