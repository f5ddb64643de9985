/** What a search says about its parameters: how much each matters, what it has learned, and where to search next. */
export { explain, type Explanation } from './explanation.ts'
export { importanceOf, importances } from './importance.ts'
export { nextSpace } from './next-space.ts'
