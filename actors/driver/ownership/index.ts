/** Ownership of experiments: which driver has which, how its log is read, and how it is taken up. */
export { Keeping } from './keeping.ts'
export { Retiring } from './retiring.ts'
export { Ownership, type OwnershipNews } from './ownership.ts'
export { Scan } from './scan.ts'
