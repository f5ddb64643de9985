/** `lagom`: runs an experiment in a context, on a bus that is there or on one of its own. */
import { fileURLToPath } from 'node:url'
import { problem, RemoteError } from '../../protocol/index.ts'
import type { AccessOptions } from '../access/index.ts'
import { bundleModule, type BundledModule } from '../bundle/index.ts'
import type { Bus } from '../bus/index.ts'
import { isContext, isExperiment, type ContextOf, type Contexts, type Experiment } from '../experiment/index.ts'
import { mlflowServer } from '../mlflow/index.ts'
import { writeFiles, writeTensorBoard, type Result } from '../store/index.ts'
import { resumeAndFollow, runExperiment } from './run.ts'
import { suggesterFor } from './fleet.ts'
import { keepBoard, type KeptBoard } from './board.ts'
import { openSession, type Session } from './session.ts'
import type { Progress, Watch } from './follow.ts'
import { signedByUser, type SigningOptions } from './signing.ts'
import { withComponents } from './study.ts'
import { trackIn, type Tracking } from './tracking.ts'
import { provenanceOf } from './provenance.ts'
import { withSaves, type KeptResult } from './kept-result.ts'
import { contextOf, experimentId, submissionOf } from './submission.ts'
import { reasonOf, type Waiting } from './submit.ts'

export interface LagomOptions extends SigningOptions, AccessOptions {
  /** The bus's address. Default: MAGGY_SERVER, or else an embedded bus with a driver, workers, and an optimizer or an ablator of its own. */
  readonly server?: string
  readonly token?: string
  /** Of the embedded bus. Default: 1. */
  readonly workers?: number
  /** Servers that keep a copy of log, code and checkpoints. Default: 3 in a cluster of three or more, else 1. */
  readonly replicas?: number
  /** Of the embedded bus: its workers run only what a key of this file has signed. */
  readonly trust?: string
  /** The embedded bus's folder. Default: `.maggy`. */
  readonly data?: string
  /** Aborted: the experiment is cancelled, and lagom rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** A folder for the results as files. */
  readonly output?: string
  /** A folder for TensorBoard's event files. */
  readonly tensorboard?: string
  /** The address of an MLflow server that keeps it while it runs. One that is gone hinders nothing: `notes` of the result say so. */
  readonly mlflow?: string
  /**
   * Shows it in a browser while it runs, and everything else on this bus. The address, with its token, is written to standard error,
   * or told to `onAddress`. Closed when lagom ends.
   */
  readonly board?: boolean | LagomBoard
  readonly onProgress?: (progress: Progress) => void
  /** Why nothing goes on, when nothing does; null once it does. */
  readonly onWaiting?: (waiting: Waiting | null) => void
  /** Letters, digits, - and _. Default: made of the names and the time. The same id is the same experiment. */
  readonly id?: string
}

export interface LagomBoard {
  /** Default: 4223, or any that is free. */
  readonly port?: number
  /** Lets the page pause, stop, resume and change experiments. */
  readonly control?: boolean
  /** Whoever has the address sees everything: it has the token in it. */
  readonly onAddress?: (address: string) => void
}

/** The rejection of lagom when the experiment failed; `result` holds what was reached. */
export interface ExperimentFailure extends RemoteError {
  readonly result: Result
}

type Added<C> = C extends ContextOf<infer H> ? H : never
/** hparams of a trial: those of its context, and perhaps those that other contexts and the defaults name. */
type TrialHparams<H extends object, A> = A & Partial<H>

/**
 * Runs an experiment in one of its contexts, or in one given here, and resolves with its result. A trial that fails does not
 * fail the experiment; an experiment that cannot go on rejects with its error (see ExperimentFailure). Ends with the processes of
 * its own stopped, always: they watch over their parent.
 */
export async function lagom<H extends object, C extends Contexts, K extends string & keyof C>(
  experiment: Experiment<H, C>,
  context: K,
  options?: LagomOptions,
): Promise<KeptResult<TrialHparams<H, Added<C[K]>>>>
export async function lagom<H extends object, C extends Contexts, A extends object>(
  experiment: Experiment<H, C>,
  context: ContextOf<A>,
  options?: LagomOptions,
): Promise<KeptResult<TrialHparams<H, A>>>
export async function lagom(
  experiment: Experiment,
  context: string | ContextOf,
  options: LagomOptions = {},
): Promise<KeptResult<object>> {
  return await lagomOf(experiment, context, options, async () => {
    const path = pathOf(experiment.moduleUrl)
    return { ...(await bundleModule(path)), path }
  })
}

/** Programs in JavaScript, and those that nobody type-checks, come here too. Throws EXPERIMENT_INVALID, CONTEXT_INVALID. */
function requireArguments(experiment: unknown, context: unknown): void {
  if (!isExperiment(experiment)) {
    const reason =
      'was not made by defineExperiment: lagom takes an experiment, and then the name of one of its contexts'
    throw problem('EXPERIMENT_INVALID', { path: 'the first argument of lagom', reason })
  }
  if (typeof context === 'string' || isContext(context)) return
  const reason = 'is no name of a context, and none made by optimization({ … }), ablation({ … }) or training({ … })'
  throw problem('CONTEXT_INVALID', { path: 'the second argument of lagom', reason })
}

/** The parts that travel: the code of a bundle, its hash and its name. */
export type Shipped = Pick<BundledModule, 'code' | 'sha256' | 'module'>

/** For those who look on more closely than `onProgress` does. */
interface Beside {
  /** The name under which the context goes. Default: its own, or its kind. */
  readonly contextName?: string
  /** Called once, before anything is submitted. It hears of all there is, and is waited for at the end. */
  readonly watch?: (bus: Bus, experiment: string) => Watch & { end(): Promise<void> }
  /** The experiment to take up where it stopped, in the place of a new one. */
  readonly resumes?: string | undefined
}

/** `lagom` for an experiment whose code comes from elsewhere. `path`: the file that it was made of, if it was. */
export async function lagomOf(
  experiment: Experiment,
  context: string | ContextOf,
  options: LagomOptions,
  ship: () => Promise<Shipped & { readonly path?: string }>,
  beside: Beside = {},
): Promise<KeptResult<object>> {
  const { signal, onProgress, onWaiting } = options
  requireArguments(experiment, context)
  if (Symbol.for('maggy.runner') in globalThis) {
    // Every runner loads the module that defines an experiment: one that calls lagom would run itself without end.
    throw problem('LAGOM_WITHIN_RUNNER', { module: experiment.moduleUrl })
  }
  signal?.throwIfAborted()
  const mlflow = options.mlflow === undefined ? undefined : mlflowServer(options.mlflow)
  const contextName = beside.contextName ?? (typeof context === 'string' ? context : context.kind)
  const named = typeof context === 'string' ? contextOf(experiment, context) : context
  const chosen = await withComponents(experiment, named)
  const { code, sha256, module, path } = await ship()
  const id = beside.resumes ?? options.id ?? experimentId(experiment.name, contextName, new Date())
  const bundle = { sha256, module, bytes: code.length }
  const plain = submissionOf(
    experiment,
    contextName,
    chosen,
    bundle,
    id,
    path === undefined ? undefined : await provenanceOf(path),
  )
  const submission = await signedByUser(plain, options)
  const session = await openSession({ ...options, actors: [suggesterFor(chosen)] })
  let board: KeptBoard | undefined
  const looking = beside.watch?.(session.bus, id)
  try {
    board = await boardBeside(session, options)
    if (board !== undefined) tell(board.address, options)
    let tracking: Tracking | undefined
    const watch: Watch = {
      ...looking,
      ...(mlflow === undefined && looking === undefined
        ? {}
        : {
            onEvent(event, reading, live) {
              if (mlflow !== undefined) tracking ??= trackIn(mlflow, session.bus, id, () => {})
              looking?.onEvent?.(event, reading, live)
            },
          }),
      onProgress(said) {
        looking?.onProgress?.(said)
        onProgress?.(said)
      },
      onWaiting(said) {
        looking?.onWaiting?.(said)
        onWaiting?.(said)
      },
    }
    const running = { signal, onDriver: session.onDriver }
    const run = async () =>
      beside.resumes === undefined
        ? await runExperiment(session.bus, submission, code, watch, running)
        : await resumeAndFollow(session.bus, id, watch, { ...options, ...running })
    const reached = await Promise.race([run(), session.failed])
    await tracking?.finish()
    const result = withNotes(reached, tracking?.notices ?? [])
    if (options.output !== undefined) await writeFiles(options.output, session.bus, result)
    if (options.tensorboard !== undefined) await writeTensorBoard(options.tensorboard, session.bus, result)
    if (signal?.aborted === true && result.state !== 'done') throw reasonOf(signal)
    if (result.state === 'failed') throw failure(result)
    return withSaves(result, options)
  } finally {
    await looking?.end()
    await board?.close()
    await session.close()
  }
}

/** Where one is wanted. One that cannot be started is an error at once; one that ends later costs the experiment nothing. */
async function boardBeside(session: Session, options: LagomOptions): Promise<KeptBoard | undefined> {
  const { board = false } = options
  if (board === false) return undefined
  const { port, control } = typeof board === 'object' ? board : {}
  return await keepBoard(session.address, { port, control, access: options })
}

function tell(address: string, { board }: LagomOptions): void {
  if (typeof board === 'object' && board.onAddress !== undefined) board.onAddress(address)
  else process.stderr.write(`board  ${address}\n`)
}

const withNotes = (result: Result, notes: readonly string[]): Result =>
  notes.length === 0 ? result : { ...result, notes: [...(result.notes ?? []), ...notes] }

function failure(result: Result): ExperimentFailure {
  const unknown = { code: 'INTERNAL', message: 'the experiment failed and its log does not say why' }
  return Object.assign(new RemoteError(result.problem ?? unknown), { result })
}

function pathOf(moduleUrl: string): string {
  if (moduleUrl.startsWith('file:')) return fileURLToPath(moduleUrl)
  throw problem('EXPERIMENT_INVALID', { path: 'moduleUrl', reason: `is ${moduleUrl}, not a file on this host` })
}
