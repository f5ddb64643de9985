/** The options of a user's own optimizer or ablator, checked against the JSON Schema that its author gives. */
import { Compile } from 'typebox/compile'
import { describe, problem } from '../../protocol/index.ts'

/** A JSON Schema of type object: the properties are the options. */
export type OptionSchema = Readonly<Record<string, unknown>>

export interface OptionFault {
  /** `options.greed` */
  readonly path: string
  readonly reason: string
}

/** The first thing that is wrong with options; undefined: nothing is. Throws OPTION_INVALID for a schema that is none. */
export function optionCheck(schema: OptionSchema | undefined): (options: object) => OptionFault | undefined {
  if (schema === undefined) return () => undefined
  const validator = compiled(schema)
  return (options) => {
    if (validator.Check(options)) return undefined
    const known = Object.keys(schema['properties'] ?? {})
    for (const name of Object.keys(options)) {
      if (schema['additionalProperties'] === false && !known.includes(name)) {
        return { path: `options.${name}`, reason: `is unknown; there are ${known.join(', ') || 'none'}` }
      }
    }
    const [fault] = validator.Errors(options)
    return {
      path: `options${(fault?.instancePath ?? '').replaceAll('/', '.')}`,
      reason: fault?.message ?? 'does not fit',
    }
  }
}

function compiled(schema: OptionSchema): ReturnType<typeof Compile> {
  const invalid = (reason: string) => problem('OPTION_INVALID', { option: 'options', reason })
  if (schema['type'] !== 'object') throw invalid("is no JSON Schema of type 'object'")
  try {
    return Compile(schema as Parameters<typeof Compile>[0])
  } catch (error) {
    throw invalid(`is no JSON Schema that can be used: ${describe(error)}`)
  }
}
