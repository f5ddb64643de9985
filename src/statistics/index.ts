/** Statistics that several rooms need: moments that do not overflow, and the normal distribution. */
export { deviation, mean, midpoint } from './moments.ts'
export { cumulative, logCumulative, logImprovement, quantileAbove, quickAbove, rootTwoPi } from './normal.ts'
