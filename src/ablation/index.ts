/** The ablation, pure: studies, ablators by name, and what a study came to. */
import type { AblatorPlugin } from './ablator.ts'
import { greedy } from './greedy.ts'
import { loco } from './loco.ts'
import { pairs } from './pairs.ts'

export type { AblationQuestion, Ablator, AblatorPlugin, AblatorSetting } from './ablator.ts'
export { ablationSvg } from './chart.ts'
export { sameClass, type KnownLayer } from './layer-choice.ts'
export { asksForLayers, resolve, type Names } from './resolve.ts'
export {
  ablationResult,
  holm,
  welch,
  type AblationResult,
  type AblationTrial,
  type Comparison,
  type Group,
} from './statistics.ts'
export { study, studyOf, type StudyBuilder } from './study.ts'
export { withoutColumns, type Table, type WithoutOptions } from './tabular.ts'

/** Those that `maggy ablator` answers for. */
export const builtinAblators: ReadonlyMap<string, AblatorPlugin> = new Map(
  [loco, pairs, greedy].map((plugin) => [plugin.name, plugin]),
)
