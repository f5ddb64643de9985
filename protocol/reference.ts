/**
 * The reference of all conversations, rendered from their definitions: README.md for people, asyncapi.json for tools, golden
 * msgpack vectors for other languages. `npm run generate` writes them, a test holds them up to date.
 */
import type { TSchema } from 'typebox'
import { encode } from './codec.ts'
import { errorBytes, kibibyte, mebibyte, rolesOf, subjectFor, version, type Conversation } from './conversation.ts'
import { chapters, conversations } from './conversations.ts'
import { errorTable } from './errors.ts'
import { fieldDoc, fieldDocs } from './fields.ts'
import { allPermissions, roleLimits } from './permissions.ts'
import { plainLimits } from './plain-bytes.ts'
import { signingExample, statementOf, termsOf } from './signing.ts'
import { streams } from './streams.ts'
import type { JsonSchema } from './json-schema.ts'

/** All generated files: path under protocol/, and content. */
export function referenceFiles(): ReadonlyMap<string, string> {
  const files = new Map([
    ['README.md', renderReadme()],
    ['asyncapi.json', `${JSON.stringify(asyncApi(), bytesAsHex, 2)}\n`],
    ['signature-example.json', `${JSON.stringify({ ...signingExample, statement: exampleStatement }, null, 2)}\n`],
    ['../deploy/python/src/maggy_actors/error_table.py', pythonErrors()],
  ])
  for (const conversation of conversations) {
    files.set(`golden/${conversation.name}.json`, golden(conversation))
    files.set(`schemas/${conversation.name}.json`, schemas(conversation))
  }
  return files
}

const exampleStatement = statementOf({
  ...signingExample,
  terms: termsOf(signingExample.context, signingExample.contextSha256),
  expiresAt: signingExample.signature.expiresAt,
})

/** A schema without TypeBox's internal fields. */
const plain = (schema: TSchema): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema

/** A schema of a conversation, in which every field says what it means (fields.ts). */
function described(conversation: string, schema: TSchema): JsonSchema {
  const walk = (part: JsonSchema, within: string): JsonSchema => ({
    ...part,
    ...(part.anyOf === undefined ? {} : { anyOf: part.anyOf.map((option) => walk(option, within)) }),
    ...(part.items === undefined ? {} : { items: walk(part.items, within) }),
    ...(part.patternProperties === undefined
      ? {}
      : { patternProperties: mapped(part.patternProperties, (value) => walk(value, within)) }),
    ...(part.properties === undefined
      ? {}
      : {
          properties: mapped(part.properties, (value, name) => {
            const description = fieldDoc(conversation, within, name)
            return { ...(description === undefined ? {} : { description }), ...walk(value, name) }
          }),
        }),
  })
  return walk(plain(schema), '')
}

const mapped = <T>(record: Readonly<Record<string, T>>, each: (value: T, name: string) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, each(value, name)]))
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const deepest = 2

/** Bytes in JSON. */
const bytesAsHex = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array ? { hex: Buffer.from(value).toString('hex') } : value

/** A schema as people write types. */
function typeText(schema: JsonSchema, depth = 0): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.anyOf) return schema.anyOf.map((option) => typeText(option, depth)).join(' | ')
  if (schema.type === 'array') {
    const of = typeText(schema.items ?? {}, depth)
    return of.includes(' ') ? `(${of})[]` : `${of}[]`
  }
  if (schema.patternProperties) {
    const [value = {}] = Object.values(schema.patternProperties)
    return `{ [name]: ${typeText(value, depth + 1)} }`
  }
  if (schema.properties) {
    if (depth >= deepest) return '{ … }'
    const fields = Object.entries(schema.properties).map(
      ([name, field]) => `${name}${schema.required?.includes(name) ? '' : '?'}: ${typeText(field, depth + 1)}`,
    )
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
  }
  return schema.type ?? (schema.contentMediaType === undefined ? 'anything' : 'bytes')
}

function fieldTable(schema: JsonSchema): string[] {
  if (schema.anyOf) return [`\`${typeText(schema)}\``]
  const fields = Object.entries(schema.properties ?? {})
  if (fields.length === 0) return ['An empty map.']
  const rows = fields.map(([name, field]) => {
    const optional = schema.required?.includes(name) ? '' : ' (optional)'
    return `| \`${name}\`${optional} | \`${cell(typeText(field))}\` | ${cell(field.description ?? '')} |`
  })
  return ['| field | type | |', '|---|---|---|', ...rows]
}

/** A number of bytes for people. */
const inWords = (bytes: number): string =>
  bytes >= mebibyte ? `${bytes / mebibyte} MiB` : `${Math.round(bytes / kibibyte)} KiB`

const plural = (of: Conversation['speaks'], verb: string): string => (rolesOf(of).length > 1 ? verb : `${verb}s`)

function section(conversation: Conversation): string[] {
  const { name, subject, speaks, hears, doc, example, payload } = conversation
  const all = (of: Conversation['speaks']): string =>
    rolesOf(of)
      .map((role) => `**${role}**`)
      .join(', ')
  const facts = [`${all(speaks)} ${plural(speaks, 'speak')}, ${all(hears)} ${plural(hears, 'hear')}.`]
  if (conversation.kind === 'message' && conversation.kept) {
    facts.push(`Kept in the stream \`${streams[conversation.kept].name}\`.`)
  }
  if (conversation.kind === 'call' && conversation.queue) facts.push(`Queue group \`${conversation.queue}\`.`)
  const most = conversation.kind === 'call' ? `; the reply: ${inWords(conversation.maxReplyBytes)}` : ''
  facts.push(`At most ${inWords(conversation.maxBytes)}${most}.`)
  const reply =
    conversation.kind === 'call' ? ['', 'Reply:', '', ...fieldTable(described(name, conversation.reply))] : []
  return [
    `### ${name}`,
    '',
    `\`${subject}\``,
    '',
    `${facts.join(' ')} ${doc}`,
    '',
    'Payload:',
    '',
    ...fieldTable(described(name, payload)),
    ...reply,
    '',
    `Example (\`${subjectFor(conversation, example.params)}\`, golden vector [${name}.json](golden/${name}.json)):`,
    '',
    '```json',
    JSON.stringify(example.payload, bytesAsHex),
    ...(example.reply === undefined ? [] : [JSON.stringify({ ok: example.reply })]),
    '```',
    '',
  ]
}

function renderReadme(): string {
  const errors = Object.entries(errorTable).map(
    ([code, entry]) =>
      `| \`${code}\` | ${cell(entry.message)} | ${entry.retryable ? 'yes' : 'no'} | ${cell(entry.remedy)} |`,
  )
  const kept = Object.values(streams).map(
    ({ name, subjects, durable }) =>
      `| \`${name}\` | ${subjects.map((s) => `\`${s}\``).join(', ')} | ${durable ? 'synced before it is acknowledged' : 'written when convenient; the oldest goes first'} |`,
  )
  return [
    '# Protocol',
    '',
    '<!-- Generated from protocol/*.ts by `npm run generate`; a test holds it up to date. Do not edit. -->',
    '',
    'What the actors say to each other. Any language that speaks NATS and msgpack can join in: [pages/](pages/README.md) tells how, with a whole program for each kind of actor.',
    '',
    '## How to read it',
    '',
    `- **Subjects** are \`maggy.<major version>.…\`, now \`${version}\`. What stands in braces is filled with an identity: letters, digits, \`-\` and \`_\`, at most 128. The identity of who speaks (messages) or of who is asked (calls) is part of the subject, so that the server's permissions can enforce it. Calls lie under \`maggy.${version}.call.\`, but for those that a worker makes, which lie under its own name.`,
    '- **Payloads** are one msgpack map. A tensor travels as `{dtype, shape, data}` with its bytes as bin. Fields that are not known are ignored; fields that are missing or of a wrong type make the message invalid.',
    `- **Limits** are looked at before anything is decoded: the bytes that stand beside each conversation (an error: ${inWords(errorBytes)}), and in every message at most ${plainLimits.values} values and keys, ${plainLimits.depth} maps and arrays within each other, ${plainLimits.keys} keys in a map, ${plainLimits.keyBytes} bytes in a key. Keys are text, and there are no extension types. The schemas in asyncapi.json hold all other limits: names are printable and have at most 128 characters, texts 8,192, instants end where ECMAScript's Date does.`,
    '- A **message** is said once. What is not valid is counted and dropped by those who hear it.',
    '- A **call** is a NATS request. Its answer is one msgpack map: `{ ok: <reply> }`, or `{ error: { code, message, remedy, retryable } }`. Compare codes, never messages.',
    `- Whoever is addressed in another major version answers \`VERSION_UNSUPPORTED\`.`,
    `- Times are milliseconds since 1970-01-01T00:00Z.`,
    '',
    'The same for tools: [asyncapi.json](asyncapi.json) (AsyncAPI 3), with the full schemas; [schemas/](schemas) has each by itself, as JSON Schema. The files in [golden/](golden) hold each example with its msgpack bytes in hex: decode them, and compare.',
    '',
    ...chapters.flatMap((chapter) => [
      `## ${chapter.title}`,
      '',
      `Defined in [${chapter.file}](${chapter.file}).`,
      '',
      ...chapter.conversations.flatMap(section),
    ]),
    '## Who may do what',
    '',
    'Made from who speaks and who hears; `maggy auth` writes it into credentials. `{name}` is the name in the credentials. A reply subject is `_INBOX.<role>.<name>.<role that answers>.<its name, or any>.<connection>.<token>`: the token is random, and a name stands where the subject of the call names who is asked. Nobody may hear the inbox of another, nobody but drivers reaches a stream into which it can write, and nobody makes, purges or deletes anything but drivers: a server checks the reply subject of no request, so whoever can write bytes into a stream and read them back can have them delivered on any subject.',
    '',
    '| role | may publish | may subscribe to | message | subscriptions |',
    '|---|---|---|---|---|',
    ...[...allPermissions()].map(([role, { publish, subscribe }]) => {
      const list = (subjects: readonly string[]) => subjects.map((subject) => `\`${subject}\``).join('<br>')
      const { payload, subscriptions } = roleLimits[role]
      return `| ${role} | ${list(publish)} | ${list(subscribe)} | ${payload / 2 ** 20} MiB | ${subscriptions} |`
    }),
    '',
    '## Signed code',
    '',
    'Defined in [signing.ts](signing.ts).',
    '',
    'A client may sign what it submits, with ed25519 (RFC 8032). The signature (`{ key, expiresAt, value }`, in base64url without padding) is a field of `experiment.submit`, is kept in the log, and goes with each `trial.assign` beside the terms: those parts of the context that decide what a worker runs. A worker that names the keys that it trusts in its announce (`trusts`) is given nothing else, and refuses anything else before any of its code is imported: `CODE_UNSIGNED`, `CODE_UNTRUSTED`, `SIGNATURE_EXPIRED`, and `SIGNATURE_INVALID` for what is another than what was signed. `experiment.sign` brings another signature in the place of one that has expired.',
    '',
    'What is signed is the statement: a map in the canonical JSON of RFC 8785, in UTF-8. `context` (of which `contextSha256` is the hash) is in canonical JSON too. An assignment must keep to the terms: its hparams are the fixed ones and, in an optimization, others within `space` (and a `budget`, where they are tried with one); its objectives, times and ring are as the terms say; what it does without is among `components`.',
    '',
    'Of [signature-example.json](signature-example.json), whose private key is no secret, this is the statement:',
    '',
    '```json',
    exampleStatement,
    '```',
    '',
    '## Streams',
    '',
    '| stream | subjects | kept |',
    '|---|---|---|',
    ...kept,
    '',
    '## Fields',
    '',
    'What stands within other fields too, by name; `a.b` is the b of an a, where it means something of its own.',
    '',
    '| field | |',
    '|---|---|',
    ...fieldDocs.map(([key, text]) => `| \`${key}\` | ${cell(text)} |`),
    '',
    '## Errors',
    '',
    'A code is never reused and never changes its meaning.',
    '',
    '| code | message | may be tried again | remedy |',
    '|---|---|---|---|',
    ...errors,
    '',
  ].join('\n')
}

function asyncApi(): object {
  const channels: Record<string, object> = {}
  const operations: Record<string, object> = {}
  for (const conversation of conversations) {
    const { name, subject, doc, payload, example } = conversation
    const id = name.replaceAll('.', '_')
    const parameters = Object.keys(example.params).map((key) => [key, { description: `the identity of the ${key}` }])
    channels[id] = {
      address: subject,
      description: doc,
      ...(parameters.length === 0 ? {} : { parameters: Object.fromEntries(parameters) as object }),
      messages: { [id]: message(name, described(name, payload), example.payload) },
      'x-max-bytes': conversation.maxBytes,
    }
    const call = conversation.kind === 'call' ? conversation : undefined
    if (call) {
      const reply = { type: 'object', properties: { ok: described(name, call.reply) }, required: ['ok'] }
      channels[`${id}_reply`] = {
        address: null,
        description: `The answer to ${name}, on the reply subject of the request.`,
        'x-max-bytes': call.maxReplyBytes,
        messages: {
          ok: message(`${name}.ok`, reply, { ok: example.reply }),
          error: { $ref: '#/components/messages/error' },
        },
      }
    }
    operations[id] = {
      action: 'send',
      channel: { $ref: `#/channels/${id}` },
      messages: [{ $ref: `#/channels/${id}/messages/${id}` }],
      'x-speaks': rolesOf(conversation.speaks).join(', '),
      'x-hears': rolesOf(conversation.hears).join(', '),
      ...(call?.queue === undefined ? {} : { 'x-queue': call.queue }),
      ...(call ? { reply: { channel: { $ref: `#/channels/${id}_reply` } } } : {}),
    }
  }
  const text = { type: 'string' }
  const error = {
    type: 'object',
    properties: { code: text, message: text, remedy: text, retryable: { type: 'boolean' } },
    required: ['code', 'message'],
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'maggy',
      version: version.replace('v', '') + '.0.0',
      description: 'What the actors of maggy say to each other.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/msgpack',
    servers: { bus: { host: '127.0.0.1:4222', protocol: 'nats', description: 'nats-server 2.12.6 or later' } },
    channels,
    operations,
    components: {
      messages: { error: { name: 'error', payload: { type: 'object', properties: { error }, required: ['error'] } } },
    },
  }
}

function message(name: string, payload: object, example: unknown): object {
  return { name, contentType: 'application/msgpack', payload, examples: [{ payload: example }] }
}

/** The schemas of a conversation by themselves, for validators in other languages. */
function schemas({ name, subject, payload, ...rest }: Conversation): string {
  const reply = rest.kind === 'call' ? { reply: described(name, rest.reply) } : {}
  return `${JSON.stringify({ name, subject, payload: described(name, payload), ...reply }, null, 2)}\n`
}

/** The table of errors, for the Python package. */
function pythonErrors(): string {
  const rows = Object.entries(errorTable).map(([code, { message, retryable, remedy }]) =>
    [
      `    ${JSON.stringify(code)}: (`,
      `        ${JSON.stringify(message)},`,
      `        ${retryable ? 'True' : 'False'},`,
      `        ${JSON.stringify(remedy)},`,
      '    ),',
    ].join('\n'),
  )
  return [
    '"""Generated from protocol/error-table.ts by `npm run generate`. By code: message, whether it may be tried again, remedy."""',
    '',
    'from __future__ import annotations',
    '',
    'TABLE: dict[str, tuple[str, bool, str]] = {',
    ...rows,
    '}',
    '',
  ].join('\n')
}

function golden(conversation: Conversation): string {
  const { name, example } = conversation
  const hex = (value: unknown): string => Buffer.from(encode(value)).toString('hex')
  const reply = { ok: example.reply }
  const vector = {
    name,
    subject: subjectFor(conversation, example.params),
    payload: example.payload,
    payloadHex: hex(example.payload),
    ...(conversation.kind === 'call' ? { reply, replyHex: hex(reply) } : {}),
  }
  return `${JSON.stringify(vector, bytesAsHex, 2)}\n`
}
