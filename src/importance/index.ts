/** How much hyperparameters matter. */
export { importanceOf, type Importance } from './importance.ts'
