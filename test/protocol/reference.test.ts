import { readdirSync, readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import asyncapi from '@asyncapi/specs' with { type: 'json' }
import { describe, expect, test } from 'vitest'
import { check, conversations, decode, encode, paramsFrom, streams, subjectFor } from '../../protocol/index.ts'
import { referenceFiles } from '../../protocol/reference.ts'
import { subjectMatches } from '../../src/bus/index.ts'

const folder = new URL('../../protocol/', import.meta.url)
const files = [...referenceFiles()]

test.each(files)('%s is up to date (`npm run generate` makes it so)', (path, content) => {
  expect(readFileSync(new URL(path, folder), 'utf8')).toBe(content)
})

test('there is no golden vector of a conversation that is gone (`npm run generate`)', () => {
  const wanted = conversations.map((conversation) => `${conversation.name}.json`)
  expect(readdirSync(new URL('golden/', folder)).toSorted()).toEqual(wanted.toSorted())
})

test('asyncapi.json is valid AsyncAPI 3', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false })
  const validate = ajv.compile(asyncapi.schemasWithoutId['3.0.0'] as object)
  const document = JSON.parse(files.find(([path]) => path === 'asyncapi.json')?.[1] ?? '') as object
  validate(document)
  expect(validate.errors ?? []).toEqual([])
})

describe.each(conversations.map((conversation) => [conversation.name, conversation] as const))(
  '%s',
  (name, conversation) => {
    const { example } = conversation

    test('its golden vector decodes to its example, and is what is sent', () => {
      const vector = JSON.parse(readFileSync(new URL(`golden/${name}.json`, folder), 'utf8')) as Record<string, string>
      const payload = Buffer.from(vector['payloadHex'] ?? '', 'hex')
      // The clone turns Buffers into the Uint8Arrays that they are.
      expect(structuredClone(decode(payload))).toEqual(example.payload)
      expect(Buffer.compare(payload, encode(example.payload))).toBe(0)
      if (conversation.kind === 'message') return
      expect(structuredClone(decode(Buffer.from(vector['replyHex'] ?? '', 'hex')))).toEqual({ ok: example.reply })
    })

    test('its example is valid', () => {
      expect(check(conversation.payload, example.payload, name)).toEqual(example.payload)
      if (conversation.kind === 'call') expect(check(conversation.reply, example.reply, name)).toEqual(example.reply)
    })

    test('its subject and its parameters come out of each other', () => {
      expect(paramsFrom(conversation, subjectFor(conversation, example.params))).toEqual(example.params)
    })

    test('it is kept where it says, and nowhere else', () => {
      const subject = subjectFor(conversation, example.params)
      for (const [stream, { subjects }] of Object.entries(streams)) {
        const isKept = subjects.some((pattern) => subjectMatches(pattern, subject))
        expect(isKept).toBe(conversation.kind === 'message' && conversation.kept === stream)
      }
    })
  },
)

test('no two conversations can be taken for each other', () => {
  for (const one of conversations) {
    const subject = subjectFor(one, one.example.params)
    const fitting = conversations.filter((other) => paramsFrom(other, subject) !== undefined)
    expect(fitting.map((other) => other.name)).toEqual([one.name])
  }
})
