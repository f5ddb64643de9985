/** The authority over a bus: who is known to it, and as what. */
export { Authority, mainTenant } from './authority.ts'
export { checkServer, type Finding } from './check.ts'
export { pushAccounts } from './push.ts'
