/** State machines as pure steps: what histories, fleets and rings are moved by. */
export { stepper } from './stepper.ts'
