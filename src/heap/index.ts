/** The JavaScript memory of a thread: how far it has grown, and its collection between pieces of work. */
export { createHeap, createTidying } from './heap.ts'
