import { spawn } from 'node:child_process'

/** How a command ended. `output` is the last part of what it wrote to both of its outputs. */
export type CommandOutcome =
  | { readonly kind: 'done'; readonly output: string; readonly stdout: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly output: string }
  | { readonly kind: 'absent' }

export interface CommandOptions {
  readonly cwd?: string
  readonly environment?: NodeJS.ProcessEnv
  readonly timeoutMs: number
}

const outputLimit = 64 * 1024

/** Runs a command without a shell and without input. Never throws for what the command does. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let stdout = ''
    const settle = (outcome: CommandOutcome) => {
      clearTimeout(timer)
      resolve(outcome)
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      // Not when its outputs close: a child of its own may hold these open.
      settle({ kind: 'failed', reason: `no end within ${options.timeoutMs / 1000} s`, output })
    }, options.timeoutMs)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-outputLimit)
      output = (output + text).slice(-outputLimit)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-outputLimit)
    })
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle(error.code === 'ENOENT' ? { kind: 'absent' } : { kind: 'failed', reason: error.message, output })
    })
    child.once('close', (code, signal) => {
      if (code === 0) settle({ kind: 'done', output, stdout })
      else settle({ kind: 'failed', reason: signal === null ? `exit code ${code}` : `ended by ${signal}`, output })
    })
  })
}

/** The last lines of a command's output, for a message. */
export function lastLines(output: string, count: number): string {
  return output.trimEnd().split('\n').slice(-count).join('\n')
}
