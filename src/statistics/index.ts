/** Statistics that several rooms need: moments that do not overflow, the normal distribution, and Student's t. */
export { deviation, mean, midpoint } from './moments.ts'
export { criticalT, twoSided } from './student.ts'
export { cumulative, logCumulative, logImprovement, quantileAbove, quickAbove, rootTwoPi } from './normal.ts'
