/** `maggy server`: a nats-server with the configuration that maggy needs. */
export { optionsFrom, type ServerMessage } from './command.ts'
export { startServer, type RunningServer } from './server.ts'
