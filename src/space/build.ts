/** How a search space is written: `{ lr: space.double(1e-4, 1e-1, { log: true }), … }`. */
import type { Condition, Constraint, HparamValue, Parameter, Scalar } from '../../protocol/index.ts'

/** A parameter of the search space; `Value` is what train gets to see. */
export type ParameterOf<Value extends HparamValue> = Parameter & { readonly __value?: Value }
/** A search space as it is written with `space.…`. */
export type Space = Readonly<Record<string, ParameterOf<HparamValue>>>
/** The hparams that a search space yields. */
export type ValuesOf<S extends Space> = { [K in Always<S>]: Seen<S[K]> } & {
  [K in Exclude<keyof S, Always<S>>]?: Seen<S[K]>
} extends infer Values
  ? { [K in keyof Values]: Values[K] }
  : never

type Seen<P> = P extends { readonly __value?: infer V } ? Exclude<V, undefined> : never
type Always<S> = { [K in keyof S]: S[K] extends Conditional ? never : K }[keyof S]

/** A parameter that is not always there: train sees its value as optional. */
interface Conditional {
  readonly when: Condition
}

/**
 * `when`: only there where another parameter has one of these values: `{ parameter: 'optimizer', in: ['adam'] }`.
 * `where`: what must hold between numbers: `[{ sum: { a: 1, b: -1 }, atMost: 0 }]` is a <= b, `[{ product: { a: 1, b: 1 }, atMost:
 * 4096 }]` is a * b <= 4096. Points that break it are drawn again.
 */
export interface RelationOptions {
  readonly when?: Condition
  readonly where?: readonly Constraint[]
}
type Related<Value extends HparamValue, O extends RelationOptions> = ParameterOf<Value> &
  (O extends { readonly when: Condition } ? Conditional : object)

/** `log`: equal chances for equal factors. `step`: only low, low + step, low + 2 step, …; both together are allowed. */
export interface RangeOptions extends RelationOptions {
  readonly log?: boolean
  readonly step?: number
}

const related = <Value extends HparamValue, O extends RelationOptions>(parameter: object): Related<Value, O> =>
  parameter as Related<Value, O>

/** The parameters of a search space. They are checked when the context is made; an error names the parameter. */
export const space = {
  /** A number in [low, high]. */
  double: <O extends RangeOptions = object>(low: number, high: number, options?: O) =>
    related<number, O>({ type: 'double', low, high, ...options }),
  /** A whole number in [low, high]. */
  integer: <O extends RangeOptions = object>(low: number, high: number, options?: O) =>
    related<number, O>({ type: 'integer', low, high, ...options }),
  /** One of a few numbers, in an order that means something. */
  discrete: <const V extends readonly number[], O extends RelationOptions = object>(values: V, options?: O) =>
    related<V[number], O>({ type: 'discrete', values: [...values], ...options }),
  /** One of a few choices without an order. */
  categorical: <const C extends readonly Scalar[], O extends RelationOptions = object>(choices: C, options?: O) =>
    related<C[number], O>({ type: 'categorical', choices: [...choices], ...options }),
  /** Always the same. */
  constant: <V extends HparamValue, O extends RelationOptions = object>(value: V, options?: O) =>
    related<V, O>({ type: 'constant', value, ...options }),
}
