/** Optuna's journal: experiments written as studies, and studies read. */
export { Journal, type JournalStudy, type JournalTrial } from './journal.ts'
export { JournalFile } from './journal-file.ts'
export { lineOf, metricAttribute, optunaDirections, optunaStates } from './operation.ts'
export { StudyWriter } from './study-writer.ts'
