/** Users' own pruners, served on the bus. */
export { servePruner, startPruner, type ServedPruner } from './serve.ts'
