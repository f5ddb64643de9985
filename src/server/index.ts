/** `maggy server`: a nats-server with the configuration that maggy needs. */
export { optionsFrom, runServer, serverFlags, type ServerFlags, type ServerMessage } from './command.ts'
export { startServer, type RunningServer, type ServerOptions } from './server.ts'
