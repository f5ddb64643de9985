/** The search space: how it is written, checked, sampled and enumerated. */
export { space, type ParameterOf, type Space, type ValuesOf } from './build.ts'
export { axisOf, enumerate, gridOf, type Axis, type Grid } from './grid.ts'
export { cardinality, contains, faultIn, sample, validateHparams } from './hparams.ts'
export { countOf, fromUnit, indexOf, toUnit, valueAt } from './parameter.ts'
export { validateSpace } from './validate.ts'
