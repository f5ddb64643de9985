/** Changes of an accepted experiment, as a user writes them and as client and driver check them. */
export { changedSubmission, goesBeyond, requestedChange } from './requested.ts'
export { changeOfSettings, trialsOf } from './settings.ts'
