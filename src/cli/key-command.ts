/** `maggy key`: the key that a user signs code with. */
import { exitCodes } from '../actor/index.ts'
import { defaultKeyFile, newSigningKey, readSigningKey, trustLine, type SigningKey } from '../signing/index.ts'
import { printJson } from './watch.ts'

interface KeyOptions {
  readonly name?: string
  readonly json?: boolean
}

/** Makes a key. Its public line goes to standard output, what to do with it to standard error. */
export async function newKeyCommand(options: KeyOptions & { readonly output?: string }): Promise<number> {
  const file = options.output ?? defaultKeyFile()
  tell(await newSigningKey(file), file, options)
  process.stderr.write(
    `${file} is yours alone: whoever has it can have workers run code that trust it. The line above goes to the files that workers are given with --trust.\n`,
  )
  return exitCodes.done
}

/** Says which key signs: the line for files of trusted keys. */
export async function showKeyCommand(named: string | undefined, options: KeyOptions): Promise<number> {
  const file = named ?? process.env['MAGGY_SIGN_KEY'] ?? defaultKeyFile()
  tell(await readSigningKey(file), file, options)
  return exitCodes.done
}

function tell(key: SigningKey, file: string, { name, json }: KeyOptions): void {
  if (json === true) printJson('key', { key: key.key, line: trustLine(key, name), file })
  else process.stdout.write(`${trustLine(key, name)}\n`)
}
