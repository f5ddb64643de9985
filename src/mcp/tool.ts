/** A tool for coding agents: words for the agent, its input, whether it changes anything, and its action. */
import type { Static, TObject } from 'typebox'
import { describe, isProblem, problem, RemoteError, toProblem, type Hparams } from '../../protocol/index.ts'
import type { Annotation, Waiting } from '../client/index.ts'
import type { Outline, Result } from '../store/index.ts'

/** What an experiment waits for; null: it is over, or it goes on. */
export interface Waits {
  readonly waiting: Waiting | null
}

/** The operations that the tools call. The CLI hands them in. */
export interface House {
  /** In the order in which they began. */
  outlines(): Promise<readonly (Outline & Waits)[]>
  /** Without an id: the experiment that was active last. */
  result(experiment: string | undefined): Promise<Result & Waits>
  /** Resolves, once it is accepted, with its id. */
  start(order: Order): Promise<string>
  /** Resolves with the state it is in then. */
  stop(experiment: string, mode: 'finish' | 'cancel'): Promise<string>
  pause(experiment: string, now: boolean): Promise<string>
  /** `trials`: `50` in all, or `+50`; `set`: NAME=VALUE. On a server that goes on without this process. */
  resume(experiment: string, change: { trials?: string; set?: readonly string[]; failed?: boolean }): Promise<string>
  enqueue(experiment: string, hparams: Hparams): Promise<string>
  /** Resolves with the tags that it has then. */
  annotate(experiment: string, annotation: Annotation): Promise<readonly string[]>
}

export interface Order {
  readonly module: string
  readonly context: string
  /** NAME=VALUE, as with `--set`. */
  readonly set: readonly string[]
  readonly workers: number | undefined
}

/** The tools that change something: each has to be allowed by its name. */
export type Changing = 'start' | 'stop' | 'pause' | 'resume' | 'enqueue' | 'note'

export interface Tool<T extends TObject = TObject> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly takes: T
  /** Left out: it only reads. */
  readonly changes?: Changing
  answer(house: House, given: Static<T>): Promise<object>
}

/** A tool with the type of what it takes forgotten: it is checked before the tool is called. */
export const tool = <T extends TObject>(definition: Tool<T>): Tool => definition

/** Calls a tool. Expected faults are answers for the agent, with their remedy. */
export async function called(
  tool: Tool,
  house: House,
  allowed: ReadonlySet<Changing>,
  given: Record<string, unknown>,
): Promise<{
  content: { type: 'text'; text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: boolean
}> {
  try {
    const { name, changes } = tool
    if (changes !== undefined && !allowed.has(changes)) throw problem('TOOL_NOT_ALLOWED', { tool: name })
    const structuredContent = { ...(await tool.answer(house, given)) }
    return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
  } catch (error) {
    const known = isProblem(error) || error instanceof RemoteError
    const { code, message, remedy } = toProblem(error)
    const text = `error ${code}: ${known ? message : describe(error)}${remedy === undefined ? '' : `\nremedy: ${remedy}`}`
    return { content: [{ type: 'text', text }], isError: true }
  }
}
