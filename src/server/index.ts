/** `maggy server`: a nats-server with the configuration that maggy needs. */
export { serverConfiguration } from './authority-configuration.ts'
export { runningServer } from './address-file.ts'
export { optionsFrom, type ServerMessage } from './command.ts'
export { startServer, type RunningServer } from './server.ts'
