/** Words on screens: durations, the name that somebody meant, values that can be told apart, text that cannot move the cursor. Pure. */
export { bytesIn, bytesText } from './bytes.ts'
export { durationText } from './duration.ts'
export { listed } from './listed.ts'
export { literal } from './literal.ts'
export { amongst, nearest, servedBy } from './nearest.ts'
export { countOfUse } from './of-use.ts'
export { visible, visibleJson, visibleLines } from './visible.ts'
