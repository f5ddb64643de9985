/** Runs `maggy` as a process, out of dist. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { packageRoot } from '../../src/actor/index.ts'

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}
export interface Running extends Promise<Ran> {
  readonly process: ChildProcess
  /** Its stdout so far. */
  said(): string
}

const program = join(packageRoot(), 'dist/src/cli/main.js')

/** Starts a command; resolves when it has ended. Nothing of this process's own MAGGY_… reaches it. */
export function maggy(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !/^MAGGY_(SERVER|TOKEN)$/.test(name))
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ran = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ code, stdout, stderr })
    })
  })
  return Object.assign(ran, { process: child, said: () => stdout })
}

/** Resolves once it holds; the test's own time limit is the limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}
