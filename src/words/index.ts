/** Words on screens: the name that somebody meant, and text that cannot move the cursor. Pure. */
export { amongst, nearest } from './nearest.ts'
export { visible } from './visible.ts'
