/** The process of a user's own optimizer or ablator: how it finds the bus, its name, and how it ends. */
import { problem } from '../../protocol/index.ts'
import { servedWith } from '../access/index.ts'
import { runActor, type ActorDefinition } from '../actor/index.ts'
import type { Bus } from '../bus/index.ts'
import type { Service, ServiceOptions } from './host.ts'

export interface ServeProcessOptions {
  /** The name that experiments know it by. Letters, digits, - and _; not that of a built-in. */
  readonly name: string
  /** The bus. Default: --server on the command line, or else MAGGY_SERVER, or else 127.0.0.1:4222. */
  readonly server?: string
  /** Where the address has none. Default: --token, or else MAGGY_TOKEN. */
  readonly token?: string
  /** Credentials that `maggy auth add-optimizer` has made. Default: --creds, or else MAGGY_CREDS. */
  readonly creds?: string
  /** The command line, in which --server, --creds, --id, --log-level and the like are known. Default: that of the process. */
  readonly argv?: readonly string[]
}

/** Throws OPTION_INVALID for a name that cannot be served, or a `given` that is no function. */
export function requireServable(name: unknown, isBuiltin: (name: string) => boolean, option: string, given: unknown) {
  const invalid = (reason: string) => problem('OPTION_INVALID', { option: 'name', reason })
  if (typeof name !== 'string' || !/^[A-Za-z0-9_-]{1,100}$/.test(name)) {
    throw invalid(`is ${JSON.stringify(name)}; letters, digits, - and _ only, at most 100`)
  }
  if (isBuiltin(name)) throw invalid(`is ${name}, which is a built-in; choose another`)
  if (typeof given !== 'function') throw problem('OPTION_INVALID', { option, reason: 'is not a function' })
}

/** Runs the actor until the process is told to end (SIGTERM, SIGINT), and then ends it. */
export async function serveProcess(
  description: string,
  { name, server, token, creds, argv = process.argv.slice(2) }: ServeProcessOptions,
  start: (bus: Bus, options: ServiceOptions) => Service,
): Promise<never> {
  const actor: ActorDefinition<object> = {
    name,
    description,
    roles: ['optimizer', 'ablator'],
    options: (command) => command,
    async start({ bus, id, onDropped, access }) {
      servedWith(access, [{ name }])
      return start(bus, { id, onDropped })
    },
  }
  // The command line comes last, for it is what the person at the terminal wants now.
  const given = [
    ...(server === undefined ? [] : ['--server', server]),
    ...(token === undefined ? [] : ['--token', token]),
    ...(creds === undefined ? [] : ['--creds', creds]),
  ]
  return runActor(actor, [...given, ...argv])
}
