/** The rings of an experiment whose trials several workers train together. */
export type { RingDecision } from './ring.ts'
export { Rings } from './rings.ts'
