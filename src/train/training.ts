/** One call of the user's training function, and what it came to. */
import { getEventListeners } from 'node:events'
import { inspect } from 'node:util'
import {
  faultInName,
  namesAtMost,
  describe,
  isProblem,
  problem,
  type Ablated,
  type Hparams,
  type MaggyError,
  type Metrics,
  type RemoteError,
} from '../../protocol/index.ts'
import { specOf, type RunInfo } from '../experiment/index.ts'
import type { Distribution } from './distributed.ts'
import { createArtifacts, type ArtifactStore } from './artifact.ts'
import { isEarlyStop } from './early-stop.ts'
import { exploredArtifacts } from './explored-artifacts.ts'
import { createCheckpoint, memoryStore, type CheckpointStore } from './checkpoint.ts'
import { tfjsIfLoaded } from './backend.ts'
import { takeMixedCallbacks } from './fit-lists.ts'
import { generatorsFor, type Generators } from './generators.ts'
import { createReporter, type ReporterHandle, type ReportSink } from './reporter.ts'
import { isLeftBehind, isRingFailure } from './ring-link.ts'
import { settled } from './settled.ts'

/** How a training ended, seen from inside. */
export type TrainingOutcome =
  | {
      readonly kind: 'done'
      readonly metrics: Readonly<Record<string, number>>
      /** In an ablation: of the model that train worked with. */
      readonly parameters?: number
    }
  | { readonly kind: 'stopped'; readonly reason: string; readonly metrics: Metrics }
  | { readonly kind: 'failed'; readonly error: MaggyError | RemoteError }
  /** It is one of several, and the others have gone on without it: nobody's fault, and it may begin anew. */
  | { readonly kind: 'returned'; readonly reason: string }

export interface Training {
  readonly hparams: Hparams
  /** Metrics that train must return. */
  readonly objectives: readonly string[]
  /** The name of a single number when there is no objective to name it after. Default: value. */
  readonly single?: string
  readonly run: RunInfo
  /** In an ablation: what this trial does without. */
  readonly ablated?: Ablated | undefined
  readonly sink: ReportSink
  /** Where the trial's checkpoints lie. Default: in this process, until it ends. */
  readonly checkpoints?: CheckpointStore
  /** Where its artifacts go. Default: nowhere, they are held until it ends. */
  readonly artifacts?: ArtifactStore
  /** The trial whose checkpoint is continued. */
  readonly resumeFrom?: number | undefined
  /** Called with the reporter before train is. */
  readonly onReporter?: (handle: ReporterHandle) => void
  /** Whether a stop may still come from outside, so that a train that waits for one is not at a standstill. Default: no. */
  readonly canBeStopped?: boolean
  /** It is one of several that train together. */
  readonly distribution?: Distribution
}

export interface TrainingEnd {
  /** The trial has a checkpoint. */
  readonly checkpoint: boolean
  readonly outcome: TrainingOutcome
  readonly points: number
}

/** Calls train once. Everything that user code does, short of ending the process, is an outcome. */
export async function runTraining(experiment: object, training: Training): Promise<TrainingEnd> {
  const { objectives, sink, run, distribution } = training
  const single = objectives[0] ?? training.single ?? 'value'
  // `model.fit` is looked up before `reporter.callbacks()` among its arguments is called: that would be too late for the first one.
  mendTfjs()
  const note = (text: string): void => {
    if (distribution?.speaks !== false) sink.line(text)
  }
  const handle = createReporter(single, sink, { onCallbacks: mendTfjs, note })
  training.onReporter?.(handle)
  const saved = createCheckpoint({
    store: training.checkpoints ?? memoryStore(),
    trial: run.trial,
    resumeFrom: training.resumeFrom,
    step: () => handle.step(),
    together: distribution,
  })
  const artifacts = createArtifacts(training.artifacts ?? exploredArtifacts(undefined), distribution)
  const spec = specOf(experiment)
  const hparams = { ...spec.hparams, ...training.hparams }
  let outcome: TrainingOutcome
  try {
    const generators = generatorsFor(spec, training.ablated)
    const pending = createPending()
    const { ablated } = generators
    const model = pending.watch('the model generator', generators.model)
    const cut =
      distribution === undefined
        ? generators.dataset
        : distribution.dataset(generators.dataset, (text) => {
            sink.line(text)
          })
    const { reporter } = handle
    const { checkpoint } = saved
    const { artifact } = artifacts
    const dataset = pending.watch('the dataset generator', cut)
    const call = async (): Promise<unknown> =>
      await spec.train({ dataset, model, ablated, hparams, reporter, checkpoint, artifact, run })
    const result = await settled(
      call(),
      () => pending.oldest() ?? 'train',
      () => training.canBeStopped === true && getEventListeners(reporter.signal, 'abort').length > 0,
    )
    // A save that train does not await is waited for.
    await artifacts.settled()
    const reason = sink.stopReason()
    // A trial that was told to stop counts as stopped, even if train caught EarlyStop or looked at the signal and returned.
    if (reason === undefined) {
      const metrics = metricsOf(result, objectives, single)
      outcome = doneWith(distribution === undefined ? metrics : distribution.result(metrics), generators)
    } else {
      outcome = { kind: 'stopped', reason, metrics: handle.latest() }
    }
  } catch (error) {
    if (isEarlyStop(error)) outcome = await stopped(error.reason, handle, artifacts)
    else if (isLeftBehind(error)) outcome = { kind: 'returned', reason: error.message }
    else outcome = { kind: 'failed', error: failureOf(error) }
  }
  distribution?.end(outcome.kind === 'done' ? 'done' : 'failed')
  return { outcome, points: handle.points(), checkpoint: saved.exists() }
}

/** Once it is loaded, which train may do itself, or a generator. */
function mendTfjs(): void {
  const tf = tfjsIfLoaded()
  if (tf !== undefined) takeMixedCallbacks(tf)
}

/** Saving goes on to its end, as in a trial that is done; only there is a fault of it a fault of the trial. */
async function stopped(
  reason: string,
  handle: ReporterHandle,
  artifacts: { settled(): Promise<void> },
): Promise<TrainingOutcome> {
  await artifacts.settled().catch(() => undefined)
  return { kind: 'stopped', reason, metrics: handle.latest() }
}

/** The generators that are at work: train waits for one of them, if it waits for any. */
interface Pending {
  watch(name: string, generator: unknown): unknown
  oldest(): string | undefined
}

function createPending(): Pending {
  const calls = new Map<number, string>()
  let last = 0
  return {
    watch: (name, generator) => {
      if (typeof generator !== 'function') return generator
      return (...args: unknown[]): unknown => {
        const made: unknown = Reflect.apply(generator, undefined, args)
        mendTfjs()
        if (made instanceof Promise) {
          last += 1
          const call = last
          calls.set(call, name)
          const end = (): void => {
            calls.delete(call)
            mendTfjs()
          }
          made.then(end, end)
        }
        return made
      }
    },
    oldest: () => calls.values().next().value,
  }
}

function doneWith(metrics: Readonly<Record<string, number>>, generators: Generators): TrainingOutcome {
  generators.checkUsed()
  const parameters = generators.parameters()
  return { kind: 'done', metrics, ...(parameters === undefined ? {} : { parameters }) }
}

/** The numbers in what train returned. Throws RESULT_INVALID and METRIC_MISSING. */
function metricsOf(result: unknown, objectives: readonly string[], single: string): Record<string, number> {
  const named = typeof result === 'number' ? { [single]: result } : result
  if (typeof named !== 'object' || named === null || !isRecord(named)) throw wrong(inspectBriefly(result))
  const metrics: Record<string, number> = {}
  for (const [name, value] of Object.entries(named)) {
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw wrong(typeof result === 'number' ? String(value) : `${name}: ${inspectBriefly(value)}`)
    }
    const fault = faultInName(name)
    if (fault !== undefined) throw wrong(`a metric named ${inspectBriefly(name)}, which ${fault}`)
    metrics[name] = value
  }
  const count = Object.keys(metrics).length
  if (count > namesAtMost) throw wrong(`${count} metrics; ${namesAtMost} are the most`)
  const missing = objectives.find((metric) => !Object.hasOwn(metrics, metric))
  if (missing !== undefined) {
    throw problem('METRIC_MISSING', {
      metric: missing,
      returned: Object.keys(metrics).join(', ') || 'no number at all',
    })
  }
  return metrics
}

/** A plain object, or one with fields of its own: of a Map, a generator, a Date or an error no number would be found. */
function isRecord(value: object): boolean {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Of this realm or another one.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  return isPlain || Object.keys(value).length > 0
}

const known = [
  'METRIC_MISSING',
  'RESULT_INVALID',
  'REPORT_INVALID',
  'REPORT_STEP_BACK',
  'CHECKPOINT_INVALID',
  'ARTIFACT_INVALID',
  'SURGERY_REFUSED',
  'ABLATION_IGNORED',
  'NEVER_SETTLED',
] as const

function failureOf(error: unknown): MaggyError | RemoteError {
  if (isRingFailure(error)) return error
  if (isProblem(error, ...known)) return error
  const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : ''
  return problem('TRAIN_FAILED', { reason: `${name}${reasonOf(error)}`.slice(0, 2048) }, { cause: error })
}

/** Node looks for a computed name where the bundle lies, and would propose a path that only this host has. */
function reasonOf(error: unknown): string {
  const reason = describe(error)
  if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_MODULE_NOT_FOUND') return reason
  const [found = ''] = reason.split('\n')
  return `${found}: with the program go imports whose name is written out (\`import('./lazy.ts')\`), and no computed ones (\`import(name)\`)`
}

const inspectBriefly = (value: unknown) =>
  value === undefined ? 'nothing' : inspect(value, { depth: 0 }).slice(0, 200)
const wrong = (returned: string) => problem('RESULT_INVALID', { returned })
