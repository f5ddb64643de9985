/** Runs a command of `maggy` in this process: what it does is the same, and no process has to start for it. One at a time. */
import { createProgram } from '../../src/cli/program.ts'
import { fail } from '../../src/cli/failure.ts'
import type { Ran } from './cli.ts'

export async function command(args: readonly string[]): Promise<Ran> {
  const said = { stdout: '', stderr: '' }
  const write = { stdout: process.stdout.write.bind(process.stdout), stderr: process.stderr.write.bind(process.stderr) }
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].write = (text: string | Uint8Array) => {
      said[stream] += String(text)
      return true
    }
  }
  let code: number | null = null
  try {
    const program = createProgram('0', (ended) => (code = ended))
    await program.exitOverride().parseAsync([...args], { from: 'user' })
  } catch (error) {
    code = fail(error, { verbose: false, json: false })
  } finally {
    Object.assign(process.stdout, { write: write.stdout })
    Object.assign(process.stderr, { write: write.stderr })
  }
  return { code, ...said }
}
