/** How the command line says things, for those who say the same elsewhere. */
export { progressText } from './progress-text.ts'
export { duration, valueText } from './text.ts'
export { resultText } from './trial-table.ts'
