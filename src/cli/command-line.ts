/** Reads the command line of `maggy`, and exits with what came of it (src/actor/exit-codes.ts). */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CommanderError } from 'commander'
import { actorEntry, exitCodes, packageRoot } from '../actor/index.ts'
import { fail } from './failure.ts'
import { endWhenUnread } from './interrupt.ts'
import { actors, createProgram } from './program.ts'

const given = process.argv.slice(2)

/** An actor's options are its own: it sees the command line as if it had been started itself. */
async function runActor(name: string): Promise<void> {
  const entry = name === 'server' ? join(packageRoot(), 'dist', 'src', 'server', 'main.js') : actorEntry(name)
  process.argv = [process.argv[0] ?? 'node', entry, ...given.slice(1)]
  await import(pathToFileURL(entry).href)
}

async function runCommandLine(): Promise<void> {
  const program = createProgram(packageVersion(), (code) => {
    process.exitCode = code
  })
  try {
    await program.parseAsync(process.argv)
  } catch (error) {
    const options = { verbose: given.includes('--verbose'), json: given.includes('--json') }
    if (!(error instanceof CommanderError)) process.exitCode = fail(error, options)
    else process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage // commander has said why
  }
}

function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version
}

const [name] = given
/** `maggy optimizer swap …` is a word to a driver, and starts no actor. */
const isSwap = name === 'optimizer' && given[1] === 'swap'
if (name !== undefined && Object.hasOwn(actors, name) && !isSwap) await runActor(name)
else {
  endWhenUnread()
  await runCommandLine()
}
