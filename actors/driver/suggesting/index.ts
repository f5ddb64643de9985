/** Asks an optimizer or an ablator for an experiment's trials. */
export type { Suggestion } from './suggester.ts'
export { Suggestions, type SuggestingDecision } from './suggestions.ts'
