/** Who suggests an experiment's trials, and how it is asked. */
export type { Suggestion } from './suggester.ts'
export { Suggestions, type SuggestingDecision } from './suggestions.ts'
