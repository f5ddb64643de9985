/** Parameters of a search space as Optuna's distributions, which travel as JSON within JSON, and values between the two. */
import type { HparamValue, Parameter } from '../../protocol/index.ts'
import { countOf, valueAt } from '../space/index.ts'

export interface Distribution {
  readonly name: 'FloatDistribution' | 'IntDistribution' | 'CategoricalDistribution'
  readonly attributes: Readonly<Record<string, unknown>>
}

/** undefined: Optuna knows no such thing (a constant that is a list). */
export function distributionOf(parameter: Parameter): Distribution | undefined {
  switch (parameter.type) {
    case 'categorical':
      return categorical(parameter.choices)
    // Optuna has no ordered lists.
    case 'discrete':
      return categorical(parameter.values)
    case 'constant':
      return Array.isArray(parameter.value) ? undefined : categorical([parameter.value])
    default: {
      const { low, log = false, step } = parameter
      const last = step === undefined ? parameter.high : (valueAt(parameter, countOf(parameter) - 1) as number)
      const whole = parameter.type === 'integer'
      // It takes no step beside log.
      const stepOf = log || step === undefined ? (whole ? 1 : null) : step
      return {
        name: whole ? 'IntDistribution' : 'FloatDistribution',
        attributes: { log, step: stepOf, low, high: last },
      }
    }
  }
}

const categorical = (choices: readonly HparamValue[]): Distribution => ({
  name: 'CategoricalDistribution',
  attributes: { choices },
})

/** A value as the journal holds it: a number, of a choice its index. undefined: it is none of the choices. */
export function internalValue({ name, attributes }: Distribution, value: HparamValue): number | undefined {
  if (name !== 'CategoricalDistribution') return typeof value === 'number' ? value : undefined
  const index = (attributes['choices'] as readonly HparamValue[]).indexOf(value)
  return index < 0 ? undefined : index
}

/** A value as people write it, out of any distribution that Optuna ever had; undefined: it cannot be read. */
export function externalValue(distribution: unknown, internal: unknown): HparamValue | undefined {
  const known = record(typeof distribution === 'string' ? parsed(distribution) : distribution)
  const choices = record(known?.['attributes'])?.['choices'] ?? known?.['choices']
  if (!Array.isArray(choices)) return typeof internal === 'number' ? internal : undefined
  const value: unknown = typeof internal === 'number' ? choices[internal] : undefined
  return isScalar(value) ? value : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
}

const isScalar = (value: unknown): value is string | number | boolean | null =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
