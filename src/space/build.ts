/** How a search space is written: `{ lr: space.double(1e-4, 1e-1, { log: true }), … }`. */
import type { HparamValue, Parameter, Scalar } from '../../protocol/index.ts'

/** A parameter of the search space; `Value` is what train gets to see. */
export type ParameterOf<Value extends HparamValue> = Parameter & { readonly __value?: Value }
/** A search space as it is written with `space.…`. */
export type Space = Readonly<Record<string, ParameterOf<HparamValue>>>
/** The hparams that a search space yields. */
export type ValuesOf<S extends Space> = { [K in keyof S]: S[K] extends ParameterOf<infer V> ? V : never }

/** `log`: equal chances for equal factors. `step`: only low, low + step, low + 2 step, …; both together are allowed. */
export interface RangeOptions {
  readonly log?: boolean
  readonly step?: number
}

/** The parameters of a search space. What is wrong with them is said when the context is made, with the parameter's name. */
export const space = {
  /** A number in [low, high]. */
  double: (low: number, high: number, options: RangeOptions = {}): ParameterOf<number> => ({
    type: 'double',
    low,
    high,
    ...options,
  }),
  /** A whole number in [low, high]. */
  integer: (low: number, high: number, options: RangeOptions = {}): ParameterOf<number> => ({
    type: 'integer',
    low,
    high,
    ...options,
  }),
  /** One of a few numbers, in an order that means something. */
  discrete: <const V extends readonly number[]>(values: V): ParameterOf<V[number]> => ({
    type: 'discrete',
    values: [...values],
  }),
  /** One of a few choices without an order. */
  categorical: <const C extends readonly Scalar[]>(choices: C): ParameterOf<C[number]> => ({
    type: 'categorical',
    choices: [...choices],
  }),
  /** Always the same. */
  constant: <V extends HparamValue>(value: V): ParameterOf<V> => ({ type: 'constant', value }),
}
