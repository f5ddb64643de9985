/** Options that are JSON objects, on the command line or in a file. */
import { readFile } from 'node:fs/promises'
import { describe, problem } from '../../protocol/index.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Throws OPTION_INVALID for what is no JSON object. */
export function jsonOption(text: string | undefined, option: string): JsonObject {
  let reason = `is ${text}, not a JSON object`
  try {
    const parsed: unknown = JSON.parse(text ?? '{}')
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject
  } catch (error) {
    reason = `is not JSON: ${describe(error)}`
  }
  throw problem('OPTION_INVALID', { option, reason })
}

/** The same out of a file. */
export async function jsonFile(path: string, option: string): Promise<JsonObject> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw problem('OPTION_INVALID', { option, reason: `cannot be read: ${describe(error)}` }, { cause: error })
  }
  return jsonOption(text, option)
}
