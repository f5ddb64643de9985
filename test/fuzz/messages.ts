/**
 * Messages that nobody should send, out of a seed: on every subject, of every size up to the server's limit. What may be right by
 * accident is said in the name of ghosts alone: no worker, driver or experiment that is there is spoken for.
 */
import { Packr } from 'msgpackr'
import { codeOf, conversations, decodePayload, encode, subjectFor, type Conversation } from '../../protocol/index.ts'
import type { Random } from '../../src/random/index.ts'

/** Those that are there. */
export interface Present {
  readonly workers: readonly string[]
  readonly drivers: readonly string[]
  readonly experiments: readonly string[]
}

export interface Hostile {
  readonly subject: string
  readonly data: Uint8Array
  /** Whether it asks for an answer. */
  readonly asks: boolean
}

/** Packs whatever it is given. */
const anything = new Packr({ useRecords: false, variableMapSize: true, moreTypes: true, structuredClone: true })
const records = new Packr({ useRecords: true, useBigIntExtension: true })
const samplers = ['auto', 'random', 'tpe', 'gp', 'cmaes', 'sobol', 'grid', 'asha', 'hyperband', 'pbt', 'nsga2', 'motpe']
/** What a suggestion may cost is bounded by the count that it is asked for; here it is about bytes. */
const suggestionsAtMost = 8

export function hostileMessage(random: Random, present: Present, maxPayload: number): Hostile {
  const conversation = pick(random, conversations)
  const asks = conversation.kind === 'call' && random.uniform() < 0.8
  const kind = random.uniform()
  if (kind < 0.4) {
    const data = kind < 0.25 ? noise(random, maxPayload) : costly(random, maxPayload)
    return { subject: subjectOf(random, conversation, present, !isRight(conversation, data)), data, asks }
  }
  // In the log stands what drivers wrote: an entry that can be read counts, whoever wrote it.
  if (conversation.name === 'experiment.log') {
    const whole = encode(conversation.example.payload)
    const data = whole.subarray(0, random.integer(whole.length))
    return { subject: subjectOf(random, conversation, present, true), data, asks: false }
  }
  const subject = subjectOf(random, conversation, present, false)
  const example = harmless(conversation)
  const data = kind < 0.6 ? flipped(random, encode(example)) : packed(mutated(random, example))
  return { subject, data: data.length > maxPayload ? data.subarray(0, maxPayload) : data, asks }
}

/** An empty map, for one, pauses an experiment. */
function isRight(conversation: Conversation, data: Uint8Array): boolean {
  try {
    decodePayload(conversation, data, conversation.name)
    return true
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    return false
  }
}

/** `real`: what is there may be spoken for, since what is said is nothing. */
function subjectOf(random: Random, conversation: Conversation, present: Present, real: boolean): string {
  const ghost = (of: string) => `ghost-${of}-${random.integer(50)}`
  const named = (names: readonly string[], of: string) => (real && names.length > 0 ? pick(random, names) : ghost(of))
  const params: Record<string, string> = {}
  for (const name of Object.keys(conversation.example.params)) {
    if (name === 'worker') params[name] = named(present.workers, 'w')
    else if (name === 'driver') params[name] = named(present.drivers, 'd')
    else if (name === 'experiment') params[name] = named(present.experiments, 'e')
    else if (name === 'ring') params[name] = `${named(present.experiments, 'e')}-0`
    else if (name === 'optimizer') params[name] = pick(random, samplers)
    else if (name === 'ablator') params[name] = pick(random, ['loco', 'pairs', 'greedy'])
    else if (['slot', 'rank', 'generation', 'trial'].includes(name)) params[name] = String(random.integer(4))
    else params[name] = ghost('x')
  }
  const subject = subjectFor(conversation, params)
  if (random.uniform() < 0.05) return subject.replace('.v1.', pick(random, ['.v2.', '.v0.', '.v99.']))
  return random.uniform() < 0.02 ? `${subject}.more` : subject
}

/** An example that would do nothing, were it taken: no trials, no slot that is there, few suggestions. */
function harmless({ name, example }: Conversation): unknown {
  const payload = example.payload as Record<string, unknown>
  if (name === 'experiment.submit') return { ...payload, context: { ...(payload['context'] as object), trials: 0 } }
  if (name === 'worker.lease' || name === 'worker.release') return { ...payload, slot: 999 }
  return payload
}

function noise(random: Random, most: number): Uint8Array {
  const data = new Uint8Array(Math.floor(most ** random.uniform()) - 1)
  for (let at = 0; at < data.length; at += 1 + random.integer(1 + (data.length >> 12))) data[at] = random.integer(256)
  return data
}

/** Little to send, and much to take: lengths, depths, extension types. */
function costly(random: Random, most: number): Uint8Array {
  const size = 16 + Math.floor((most - 16) * random.uniform() ** 4)
  const filled = (byte: number, head: readonly number[] = []): Uint8Array => {
    const data = new Uint8Array(size).fill(byte)
    data.set(head)
    return data
  }
  const length = [(size - 5) >>> 24, ((size - 5) >>> 16) & 255, ((size - 5) >>> 8) & 255, (size - 5) & 255]
  switch (random.integer(10)) {
    case 0:
      return filled(0x80, [0xdd, ...length])
    case 1:
      return filled(0x90, [0xdd, ...length])
    case 2:
      return filled(0x91)
    case 3:
      return filled(0xc0, [0xdd, 255, 255, 255, 255])
    case 4:
      return filled(0x81)
    case 5:
      return new Uint8Array(records.pack([{ a: 2n ** 70n }, { a: new Date() }, new Set([1]), /a/]))
    case 6:
      return new Uint8Array(anything.pack(cycle()))
    case 7:
      return new Uint8Array(
        anything.pack(Object.fromEntries(Array.from({ length: size >> 6 }, (_, n) => [`k${n}`, n]))),
      )
    case 8:
      return filled(0x61, [0xdb, ...length])
    default:
      return filled(0xd4)
  }
}

function cycle(): unknown {
  const ring: unknown[] = []
  ring.push(ring, { ring })
  return ring
}

function flipped(random: Random, data: Uint8Array): Uint8Array {
  const copy = new Uint8Array(data)
  for (let left = 1 + random.integer(3); left > 0; left -= 1) copy[random.integer(copy.length)] = random.integer(256)
  return random.uniform() < 0.3 ? copy.subarray(0, random.integer(copy.length)) : copy
}

const odd: readonly ((random: Random) => unknown)[] = [
  () => NaN,
  () => -1,
  () => 1e308,
  () => 2 ** 60,
  () => -Infinity,
  () => 9e15,
  () => '',
  () => '*',
  () => 'a.b',
  () => '\u001b[2J\u0007',
  () => null,
  () => true,
  () => [],
  () => ({}),
  () => ({ constructor: 1, hasOwnProperty: 2, toString: 3 }),
  () => new Uint8Array(3),
  () => new Date(NaN),
  () => 10n ** 15n,
  (random) => 'x'.repeat(2 ** random.integer(18)),
  (random) => Array.from({ length: 2 ** random.integer(16) }, (_, n) => n),
  (random) => Array.from({ length: 2 ** random.integer(12) }, () => ({ trial: -1 })),
  () => deep(100),
  (random) => Object.fromEntries(Array.from({ length: 2 ** random.integer(12) }, (_, n) => [`n${n}`, n])),
]

function deep(depth: number): unknown {
  return depth === 0 ? 1 : { deep: deep(depth - 1) }
}

/** The value with something odd in one place or two. */
function mutated(random: Random, value: unknown): unknown {
  let result = structuredClone(value)
  for (let left = 1 + random.integer(2); left > 0; left -= 1) result = oddWithin(random, result)
  return result
}

function oddWithin(random: Random, value: unknown): unknown {
  const inner = typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
  if (!inner || random.uniform() < 0.1) return pick(random, odd)(random)
  const keys = Object.keys(value)
  const key = keys[random.integer(Math.max(1, keys.length))]
  if (key === undefined) return pick(random, odd)(random)
  const whole = value as Record<string, unknown>
  if (random.uniform() < 0.15) delete whole[key]
  else if (key === 'count') whole[key] = random.integer(suggestionsAtMost)
  else whole[key] = oddWithin(random, whole[key])
  return whole
}

function packed(value: unknown): Uint8Array {
  try {
    return new Uint8Array(anything.pack(value))
  } catch {
    // What msgpack has no bytes for cannot be sent by anybody.
    return new Uint8Array([0xc1])
  }
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)] as T
}
