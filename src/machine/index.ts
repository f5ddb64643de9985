/** State machines as pure steps: what histories, fleets and rings are moved by. */
export { flatActor, type FlatActor } from './flat-actor.ts'
export { flatStepper, type FlatSnapshot } from './flat-stepper.ts'
export { stepper } from './stepper.ts'
