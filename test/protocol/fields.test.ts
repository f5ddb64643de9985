/** Every field of every message says what it means, and nothing is said of fields that are not there. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fieldDocs } from '../../protocol/fields.ts'

interface Schema {
  readonly description?: string
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
}

const folder = new URL('../../protocol/schemas/', import.meta.url)
const fields: { readonly path: string; readonly description: string | undefined }[] = []

function walk(schema: Schema, path: string): void {
  for (const option of schema.anyOf ?? []) walk(option, path)
  if (schema.items) walk(schema.items, path)
  for (const value of Object.values(schema.patternProperties ?? {})) walk(value, path)
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    fields.push({ path: `${path}/${name}`, description: value.description })
    walk(value, `${path}/${name}`)
  }
}
for (const file of readdirSync(folder)) {
  const { payload, reply } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, Schema>
  if (payload) walk(payload, `${file} payload`)
  if (reply) walk(reply, `${file} reply`)
}

test('no field lacks a description (protocol/fields.ts has them; then `npm run generate`)', () => {
  expect(fields.length).toBeGreaterThan(500)
  expect(fields.filter(({ description }) => description === undefined).map(({ path }) => path)).toEqual([])
})

test('no description is of no field', () => {
  const used = new Set(fields.map(({ description }) => description))
  expect(fieldDocs.filter(([, text]) => !used.has(text)).map(([key]) => key)).toEqual([])
})
