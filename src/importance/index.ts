/** How much hyperparameters matter. */
export { importanceOf, importances } from './importance.ts'
