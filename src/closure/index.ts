/** Functions by value: what a function closes over, taken out of this process and written down as a plain ES module. */
export { keepScripts, type Script } from './inspector.ts'
export { capture, type Shipment } from './shipment.ts'
export { tslabVariables } from './tslab.ts'
