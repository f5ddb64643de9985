/** Who owns which experiment, and what the log holds of it. */
export { historyOf, lastEvent, readArchive } from './archive.ts'
export { LateResults } from './late-results.ts'
export { Owners } from './owners.ts'
