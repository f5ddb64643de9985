/** The logs of experiments as the bus keeps them. */
export { entryOf, experimentIds, logSubject, readLog } from './archive.ts'
