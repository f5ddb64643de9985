/** Set-up: what this machine needs beyond npm's packages, found, installed and reported. */
export { cacheDirectory } from './cache.ts'
export { doctor, type DoctorOptions } from './doctor.ts'
export { inspect, type Inspection, type PartReport } from './inspect.ts'
export { restoreLegacyUtil } from './legacy-util.ts'
export { tryLock, withLock, type LockAttempt } from './lock.ts'
export { hasNativeBackend } from './tfjs-node.ts'
export { findNatsServer, type NatsServer } from './nats-server.ts'
export { identityOf, isAlive, parseIdentity, type ProcessIdentity } from './process-identity.ts'
