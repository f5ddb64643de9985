/** Runs an experiment for a cell: shows it in place, stops it when the cell is interrupted, takes it up when the cell runs again. */
import { availableParallelism } from 'node:os'
import type { ContextOf, Experiment } from '../experiment/index.ts'
import {
  lagomOf,
  openSession,
  suggesterFor,
  type ExperimentFailure,
  type LagomOptions,
  type Session,
} from '../client/index.ts'
import { RemoteError } from '../../protocol/index.ts'
import type { Result } from '../store/index.ts'
import { ship } from './ship.ts'
import { kernelHere, onInterrupt, type MimeBundle } from './kernel.ts'
import { liveIn, type Live } from './live.ts'
import { placedBy, placesIn } from './places.ts'
import { showing, type NotebookResult } from './result.ts'

export interface NotebookOptions extends Omit<LagomOptions, 'id' | 'signal'> {
  /** Letters, digits, - and _. Default: notebook. */
  readonly name?: string
  /** Bytes of data that functions may close over. Default: 32 MiB. */
  readonly limitBytes?: number
}

export interface RunOptions {
  /** Whether what was interrupted is taken up, when nothing has changed since. Default: true. */
  readonly resume?: boolean
  readonly signal?: AbortSignal
}

/** What was interrupted, by the name of the experiment and its context. */
interface Interrupted {
  readonly id: string
  readonly sha256: string
  readonly context: string
}
const interrupted = new Map<string, Interrupted>()

/** An embedded fleet is kept between cells; it ends with the kernel. */
const kept = new Map<string, Promise<Session>>()

/** An interrupted cell waits so long for an orderly end; what takes longer ends by itself. */
const stopMs = 1_200

export async function runInCell(
  experiment: Experiment,
  definition: Readonly<Record<string, unknown>>,
  contextName: string,
  context: ContextOf,
  options: NotebookOptions,
  { resume = true, signal }: RunOptions,
): Promise<NotebookResult> {
  const { name = 'notebook', limitBytes, ...lagomOptions } = options
  const kernel = kernelHere()
  const shipping = await ship(definition, { name, limitBytes })
  const key = `${experiment.name}/${contextName}`
  const wanted = { sha256: shipping.sha256, context: JSON.stringify(context.context) }
  const before = interrupted.get(key)
  const isSame = before?.sha256 === wanted.sha256 && before.context === wanted.context
  const resumes = resume && isSame ? before.id : undefined
  interrupted.delete(key)
  const said = [
    shipping.summary,
    ...shipping.warnings,
    ...(before === undefined ? [] : [rerunText(before.id, resume, isSame)]),
  ]
  const stopping = new AbortController()
  const stop = () => stopping.abort(new Error('interrupted: run the cell again to go on'))
  const deaf = kernel === undefined ? () => {} : onInterrupt(stop)
  const both = signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, signal])
  const workers = workersFor(context, options)
  let live: Live | undefined
  try {
    if (kernel !== undefined) await keepFleet(context, lagomOptions, workers)
    const running = lagomOf(
      experiment,
      context,
      { ...lagomOptions, workers, signal: both },
      () => Promise.resolve(shipping),
      {
        contextName,
        resumes,
        watch: (bus, id) => {
          if (both.aborted) return (live = liveIn(undefined, bus, id, said, placesIn))
          both.addEventListener('abort', () => interrupted.set(key, { id, ...wanted }), { once: true })
          return (live = liveIn(kernel, bus, id, said, placesIn))
        },
      },
    )
    const result = await Promise.race([running, afterStop(both, running)])
    return showing(result as unknown as Result, lastOf(live))
  } catch (error) {
    if (isFailure(error)) {
      placedBy(
        error,
        [error.result.problem, ...error.result.trials.map((trial) => trial.problem)].map((one) => one?.stack),
      )
      // The display shows it; kernels print all that can be listed.
      for (const key of ['result', 'problem'] as const) Object.defineProperty(error, key, { enumerable: false })
    }
    throw error
  } finally {
    deaf()
  }
}

const isFailure = (error: unknown): error is ExperimentFailure => error instanceof RemoteError && 'result' in error

const lastOf = (live: Live | undefined): MimeBundle | undefined => live?.last()

function rerunText(id: string, resume: boolean, isSame: boolean): string {
  if (resume && isSame) return `goes on with ${id}, which was interrupted`
  const why = isSame ? 'as it was told to' : 'for something has changed'
  return `begins anew, ${why}; ${id} stays as it was interrupted (\`maggy resume ${id}\`)`
}

/** Rejects some time after the signal has aborted: the end goes on, and nobody waits for it. */
function afterStop(signal: AbortSignal, running: Promise<unknown>): Promise<never> {
  running.catch(() => {}) // once nobody waits for it any more
  return new Promise((_, reject) => {
    signal.addEventListener(
      'abort',
      () => {
        const timer = setTimeout(() => reject(signal.reason as Error), stopMs)
        void running.finally(() => clearTimeout(timer)).catch(() => {})
      },
      { once: true },
    )
  })
}

/** Of an embedded fleet: as many as a training needs, or else one a core, at most four. */
function workersFor({ context }: ContextOf, { workers }: NotebookOptions): number {
  const ring = 'ring' in context ? (context.ring?.workers.max ?? 1) : 1
  return Math.max(workers ?? Math.min(4, availableParallelism()), ring)
}

async function keepFleet(context: ContextOf, options: LagomOptions, workers: number): Promise<void> {
  const key = options.data ?? ''
  if ((options.server ?? process.env['MAGGY_SERVER'] ?? '') !== '') return
  const session = kept.get(key) ?? openSession({ ...options, workers, actors: [suggesterFor(context)] })
  kept.set(key, session)
  try {
    const { failed } = await session
    failed.catch(() => kept.delete(key)) // the next cell starts another
  } catch (error) {
    kept.delete(key)
    throw error
  }
}
