/**
 * `maggy sampler`: a sampler behind a pipe, for any language. JSON lines in: `{"suggest":1}`, `{"observe":{"id":0,"value":1.5}}`,
 * `{"observe":{"id":0,"state":"failed"}}`, with constraints `{"observe":{"id":0,"value":1.5,"metrics":{"memory":2e9}}}`; out: `{"id":0,"hparams":{…}}`, `{"exhausted":true}`, `{"error":{"code":…}}`.
 */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { describe, problem, toTold, type Direction } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { createSearch, type Search, type SearchOutcome } from '../optimizer/index.ts'
import type { Space } from '../space/index.ts'
import { amongst, visibleJson } from '../words/index.ts'

export interface SamplerCommandOptions {
  readonly space: string
  readonly sampler: string
  readonly direction: Direction
  readonly seed: number
  readonly trials: number
  readonly options?: string
  readonly constraint?: readonly string[]
}

/** Reads standard input to its end. A line that is wrong is answered with an error, and the next one is read. */
export async function samplerCommand(given: SamplerCommandOptions): Promise<number> {
  const { sampler, direction, seed, trials, constraint: constraints = [] } = given
  const space = parsed(await read(given.space), '--space')
  const options = given.options === undefined ? {} : parsed(given.options, '--options')
  const search = createSearch({
    space: space as Space,
    sampler: { ...options, name: sampler },
    direction,
    seed,
    trials,
    ...(constraints.length > 0 && { constraints }),
  })
  for (const note of search.notes) process.stderr.write(`${note}\n`)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    try {
      await answer(search, parsed(line, 'line'))
    } catch (error) {
      const fault = toTold(error)
      say({ error: fault })
    }
  }
  return exitCodes.done
}

async function answer(search: Search<object>, line: Readonly<Record<string, unknown>>): Promise<void> {
  const { suggest, observe, ...rest } = line
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw invalid(unknown, 'is unknown; there are suggest, observe')
  if (observe !== undefined) tell(search, observe)
  if (suggest === undefined) {
    if (observe === undefined) throw invalid('line', 'has neither suggest nor observe')
    return
  }
  if (typeof suggest !== 'number' || !Number.isSafeInteger(suggest) || suggest < 1 || suggest > 100_000) {
    throw invalid('suggest', `is ${JSON.stringify(suggest)}, not a whole number from 1 to 100000`)
  }
  for (let count = 0; count < suggest; count++) {
    const suggestion = await search.ask()
    if (suggestion === undefined) return say({ exhausted: true })
    say(suggestion)
  }
}

const observed = ['id', 'value', 'state', 'step', 'metrics']

function tell(search: Search<object>, observe: unknown): void {
  if (typeof observe !== 'object' || observe === null) throw invalid('observe', 'is not an object')
  const { id, value, state = 'done', step, metrics, ...rest } = observe as Readonly<Record<string, unknown>>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw invalid(`observe.${unknown}`, `is unknown; ${amongst(unknown, observed)}`)
  if (typeof id !== 'number') throw invalid('observe.id', `is ${JSON.stringify(id)}, not a number that was suggested`)
  // null is how JSON writes a number that is not finite.
  if (value !== undefined && value !== null && typeof value !== 'number') {
    throw invalid('observe.value', `is ${JSON.stringify(value)}, not a number`)
  }
  if (step !== undefined && step !== null && typeof step !== 'number') {
    throw invalid('observe.step', `is ${JSON.stringify(step)}, not a number`)
  }
  const number = value ?? Number.NaN
  const others = metrics === undefined ? undefined : numbersIn(metrics)
  const told: Record<string, () => SearchOutcome> = {
    // The objective of a search with a direction is called value.
    done: () => (others === undefined ? number : { ...others, value: number }),
    pruned: () => ({ state: 'pruned', value: number, ...(typeof step === 'number' ? { step } : {}) }),
    failed: () => ({ state: 'failed' }),
    cancelled: () => ({ state: 'cancelled' }),
  }
  const make = typeof state === 'string' && Object.hasOwn(told, state) ? told[state] : undefined
  if (make === undefined) {
    throw invalid('observe.state', `is ${JSON.stringify(state)}; there are ${Object.keys(told).join(', ')}`)
  }
  if (state === 'done' && value === undefined) throw invalid('observe.value', 'is missing')
  search.tell(id, make())
}

/** Beside the value: what the constraints are about. */
function numbersIn(metrics: unknown): Record<string, number> {
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics)) {
    throw invalid('observe.metrics', `is ${JSON.stringify(metrics)}, not an object of numbers`)
  }
  const numbers: [string, number][] = Object.entries(metrics).map(([name, value]: [string, unknown]) => {
    if (name === 'value') throw invalid('observe.metrics.value', 'stands beside metrics, not in them')
    if (value !== null && typeof value !== 'number') {
      throw invalid(`observe.metrics.${name}`, `is ${JSON.stringify(value)}, not a number`)
    }
    return [name, value ?? Number.NaN]
  })
  return Object.fromEntries(numbers)
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw problem(
      'OPTION_INVALID',
      { option: '--space', reason: `cannot be read: ${describe(error)}` },
      { cause: error },
    )
  }
}

function parsed(text: string, option: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw problem('OPTION_INVALID', { option, reason: `is not JSON: ${describe(error)}` }, { cause: error })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw problem('OPTION_INVALID', { option, reason: 'is not a JSON object' })
}

const invalid = (option: string, reason: string) => problem('OPTION_INVALID', { option, reason })

function say(message: object): void {
  process.stdout.write(`${visibleJson(JSON.stringify(message))}\n`)
}
