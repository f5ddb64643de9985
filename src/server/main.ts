import { Command } from 'commander'
import { runServer, serverFlags, type ServerFlags } from './command.ts'

const command = new Command('maggy-server').description('runs a nats-server for maggy')
for (const [flags, description] of serverFlags) command.option(flags, description)
process.exit(await runServer(command.parse().opts<ServerFlags>()))
