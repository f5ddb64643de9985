/** Who owns which experiment, what the log holds of it, and how it is taken up. */
export { Keeping } from './keeping.ts'
export { Retiring } from './retiring.ts'
export { Ownership, type OwnershipNews } from './ownership.ts'
export { Scan } from './scan.ts'
