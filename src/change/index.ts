/** What may be changed of an experiment that was accepted, as a user writes it and as client and driver check it. */
export { changedSubmission, goesBeyond, requestedChange } from './requested.ts'
export { changeOfSettings, trialsOf } from './settings.ts'
