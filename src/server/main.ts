import { Command } from 'commander'
import { exitCodes, tolerateClosedPipes } from '../actor/index.ts'
import { runServer, serverFlags, type ServerFlags } from './command.ts'

tolerateClosedPipes()
const command = new Command('maggy-server').description('runs a nats-server for maggy')
for (const [flags, description, parse] of serverFlags) {
  if (parse === undefined) command.option(flags, description)
  else command.option(flags, description, parse)
}
command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitCodes.done : exitCodes.usage))
process.exit(await runServer(command.parse().opts<ServerFlags>()))
