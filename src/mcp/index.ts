/** Experiments for coding agents. */
export { serveMcp } from './server.ts'
export { type Changing, type House, type Order } from './tool.ts'
