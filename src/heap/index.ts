/** The JavaScript memory of a thread: how far it has grown, and its collection. */
export { createHeap } from './heap.ts'
