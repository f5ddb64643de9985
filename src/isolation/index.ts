/** Confinement of user code, as far as the host gives it. */
export { confine, describeMeasure, type Confinement } from './confinement.ts'
export { openGates, type BusGate } from './network.ts'
export { findTool } from './tool.ts'
