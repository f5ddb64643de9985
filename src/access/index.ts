/** How a process comes to the bus: credentials, and the options that name them. */
export { accessOptions, accessTo, secretVariables, withEnvironment, type Access, type AccessOptions } from './access.ts'
export { readCredentials } from './credentials.ts'
export { servedWith } from './served.ts'
