/** The decisions of an experiment, taken again from its log. */
export { replay, type Difference, type Replay } from './replay.ts'
export { sourceOf } from './source.ts'
