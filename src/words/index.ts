/** Words on screens: the name that somebody meant. Pure. */
export { amongst } from './nearest.ts'
