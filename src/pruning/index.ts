/** Pruners of one's own, served on the bus. */
export { servePruner, startPruner, type ServedPruner } from './serve.ts'
