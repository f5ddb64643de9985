/** A runner's part in a ring: the member in its second thread, and where its checkpoints are kept. */
export { createRingCheckpoints, type RingCheckpoints } from './checkpoints.ts'
export { createRingMember, type RingMember } from './member.ts'
