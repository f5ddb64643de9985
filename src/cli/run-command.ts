/** `maggy run` and `maggy resume`: an experiment from start to end, or an exploration in this process. */
import { access, constants, mkdir } from 'node:fs/promises'
import { problem, type Submission } from '../../protocol/index.ts'
import { logSubject } from '../archive/index.ts'
import { loadExperiment } from '../bundle/index.ts'
import type { Bus } from '../bus/index.ts'
import { mlflowServer, type MlflowServer } from '../mlflow/index.ts'
import { provideHost } from '../train/index.ts'
import {
  contextOf,
  experimentId,
  keepBoard,
  openSession,
  provenanceOf,
  resumeAndFollow,
  runExperiment,
  submitExperiment,
  signedByUser,
  submissionOf,
  suggesterFor,
  trackIn,
  withComponents,
  type KeptBoard,
  type Session,
  type SessionOptions,
  type Shipped,
  type Tracking,
  type Waiting,
  type SigningOptions,
} from '../client/index.ts'
import { latestExperiment, writeFiles, writeTensorBoard, type Result } from '../store/index.ts'
import { faultOf, type Experiment } from '../experiment/index.ts'
import { bytesText } from '../words/index.ts'
import { exitCodeFor, exitCodes } from '../actor/index.ts'
import { endTracing, startTracing } from '../tracing/index.ts'
import { changeOf, type ChangeFlags } from './change-command.ts'
import { explorationHparams, overrideContext, parseSettings } from './set-options.ts'
import { sayAddress } from './board-command.ts'
import { endSoon } from './remains.ts'
import { interruptible } from './interrupt.ts'
import { isServed, looking, sayAside, sessionOptions, type BusOptions, where } from './looking.ts'
import { duration, pairs } from './text.ts'
import { resultText } from './trial-table.ts'
import { printJson, styleOf, watchIn, type Shown, type Style } from './watch.ts'

export interface RunCommandOptions extends BusOptions {
  readonly workers?: number
  readonly replicas?: number
  readonly trust?: string
  readonly board?: boolean
  readonly json?: boolean
  readonly output?: string
  readonly tensorboard?: string
  /** The address of an MLflow server. */
  readonly mlflow?: string
  /** The address of a collector of traces. */
  readonly otlp?: string
  readonly signKey?: string
  /** Days. */
  readonly signFor?: number
}

/** Runs a module's experiment in a context. Returns the exit code. */
export async function runCommand(
  path: string,
  wanted: string | undefined,
  options: RunCommandOptions & { readonly set: readonly string[]; readonly detach?: boolean },
): Promise<number> {
  const settings = parseSettings(options.set)
  provideHost(await import('../index.ts'))
  const { experiment, bundle, contextName } = await loaded(path, wanted)
  for (const [name, context] of Object.entries(experiment.contexts)) {
    const fault = name === contextName ? undefined : faultOf(context)
    if (fault !== undefined) process.stderr.write(`context ${name} cannot be run: ${fault.code}: ${fault.message}\n`)
  }
  if (contextName === undefined) {
    const { hparams, seed } = explorationHparams(experiment, settings)
    return await explore(experiment, hparams, seed, options)
  }
  const overridden = overrideContext(contextOf(experiment, contextName), settings, experiment.defaults)
  const context = await withComponents(experiment, overridden)
  const { code, sha256, module } = bundle
  const id = experimentId(experiment.name, contextName, new Date())
  const made = { sha256, module, bytes: code.length }
  const plain = submissionOf(experiment, contextName, context, made, id, await provenanceOf(path))
  const submission = await signedByUser(plain, signingOptions(options))
  if (options.detach === true) return await handOver(submission, code, options)
  return await toTheEnd(options, [suggesterFor(context)], (session, watch, signal) =>
    runExperiment(session.bus, submission, code, watch, { signal, onDriver: session.onDriver }),
  )
}

/** A module's experiment, or a notebook's, and the name of the context there; undefined: it is explored. */
async function loaded(
  path: string,
  wanted: string | undefined,
): Promise<{
  readonly experiment: Experiment
  readonly bundle: Shipped
  readonly contextName: string | undefined
}> {
  if (!path.endsWith('.ipynb')) return { ...(await loadExperiment(path)), contextName: wanted }
  // Only notebooks need what takes functions by value.
  const { findInNotebook } = await import('../notebook/index.ts')
  const found = await findInNotebook(path, wanted, (line) => void process.stderr.write(`${line}\n`))
  const isExplored = wanted === undefined || found.context === undefined
  return { ...found, contextName: isExplored ? undefined : found.contextName }
}

/** Resolves once a driver has accepted it; whoever drives it goes on without this process. */
async function handOver(submission: Submission, code: Uint8Array, options: RunCommandOptions): Promise<number> {
  if (!isServed(options)) {
    const reason = 'needs a server that goes on without this process: name one with --server or MAGGY_SERVER'
    throw problem('OPTION_INVALID', { option: '--detach', reason })
  }
  const { experiment } = submission
  startTraces(options)
  return await interruptible(async (signal) => {
    const session = await openSession({ ...sessionOptions(options), actors: [], onNotice: sayAside })
    try {
      let last = ''
      const onWaiting = (said: Waiting | null) => {
        if (said === null || said.message === last) return
        last = said.message
        process.stderr.write(`${last}\n`)
      }
      await submitExperiment(session.bus, submission, code, { signal, onWaiting })
    } finally {
      await session.close()
      await endTracing()
    }
    if (options.json === true) printJson('experiment', { experiment })
    else process.stdout.write(`experiment ${experiment}\n`)
    return exitCodes.done
  })
}

/** Resumes an experiment (by default the one that was active last) and follows it. Returns the exit code. */
export async function resumeCommand(
  id: string | undefined,
  options: RunCommandOptions & ChangeFlags & { readonly force?: boolean },
): Promise<number> {
  // One that is unknown needs no driver and no worker to be told so.
  const { experiment, change } = await looking(
    options,
    async ({ bus }) => {
      const known = id ?? (await latestExperiment(bus))
      await assertKnown(bus, known)
      return { experiment: known, change: await changeOf(bus, known, options) }
    },
    id,
  )
  // Which of them it needs is known only once it is found.
  const either = ['optimizer', 'ablator'] as const
  return await toTheEnd(options, either, ({ bus, onDriver }, watch, signal) =>
    resumeAndFollow(bus, experiment, watch, {
      signal,
      onDriver,
      ...(change === undefined ? {} : { change }),
      force: options.force === true,
      ...signingOptions(options),
    }),
  )
}

async function assertKnown(bus: Bus, experiment: string): Promise<void> {
  if ((await bus.streams.last('log', logSubject(experiment))) === undefined) {
    throw problem('EXPERIMENT_UNKNOWN', { experiment })
  }
}

/** People need not read every report of a quick loop; machines get them all. */
const readableMs = 500

async function explore(
  experiment: Awaited<ReturnType<typeof loadExperiment>>['experiment'],
  hparams: object,
  seed: number | undefined,
  { json = false, output }: RunCommandOptions,
): Promise<number> {
  if (output !== undefined) await assertWritable(output)
  let quietUntil = -Infinity
  const running = experiment.run(hparams, {
    ...(seed === undefined ? {} : { seed }),
    ...(output === undefined ? {} : { artifacts: output }),
    onReport: (point) => {
      if (json) printJson('report', point)
      else if (point.at >= quietUntil) {
        quietUntil = point.at + readableMs
        process.stdout.write(`step ${point.step}  ${pairs(point.values)}\n`)
      }
    },
  })
  const explored = await running.finally(() => {
    endSoon((text) => void process.stderr.write(`${text}\n`))
  })
  const { metrics, durationMs, hparams: used, artifacts } = explored
  const saved = artifacts.map(({ name, kind, bytes, path }) => ({ name, kind, bytes, path }))
  if (json) printJson('result', { metrics, hparams: used, durationMs, artifacts: saved })
  else process.stdout.write(`${pairs(metrics)}  (${pairs(used)}) in ${duration(durationMs)}\n`)
  for (const { name, bytes, path } of json ? [] : artifacts) {
    const place = path === undefined ? 'not kept: --output DIR keeps it' : `written to ${path}`
    process.stdout.write(`${name} (${bytesText(bytes)}) ${place}\n`)
  }
  return exitCodes.done
}

async function toTheEnd(
  options: RunCommandOptions,
  actors: SessionOptions['actors'],
  run: (session: Session, watch: Shown, signal: AbortSignal) => Promise<Result>,
): Promise<number> {
  const style = styleOf(options)
  // Found out before hours of work, not after.
  const mlflow = options.mlflow === undefined ? undefined : mlflowServer(options.mlflow)
  for (const folder of [options.output, options.tensorboard]) if (folder !== undefined) await assertWritable(folder)
  startTraces(options)
  return await interruptible(async (signal) => {
    const session = await openSession({ ...sessionOptions(options), actors, onNotice: sayAside })
    const board = await boardBeside(session, options)
    const watch = watchIn(style)
    const deaf = session.onNotice((text) => watch.onNotice?.(text))
    const tracker = mlflow === undefined ? undefined : tracked(mlflow, session.bus, watch, style)
    try {
      const result = await Promise.race([run(session, tracker?.watch ?? watch, signal), session.failed])
      watch.end()
      for (const line of watch.printed()) process.stdout.write(`${line}\n`)
      // First what there is, then its files: whatever hinders these must not cost the result.
      if (style !== 'json') process.stdout.write(`${resultText(result)}\n`)
      const folders = await written(session, result, options)
      if (style === 'json') printJson('result', { result, folders })
      else for (const folder of folders) process.stdout.write(`written to ${folder}\n`)
      await tracker?.finish()
      if (result.state === 'stopped') {
        const again = `maggy resume ${result.experiment}${where(options)}${beside(options)}`
        process.stderr.write(`stopped; go on with \`${again}\`\n`)
      }
      return codeFor(result, signal)
    } finally {
      deaf()
      watch.end()
      await board?.close()
      await session.close()
      await endTracing()
    }
  })
}

/** The workers beside an embedded bus, where they were asked for: the same experiment wants them again. */
const beside = (options: RunCommandOptions): string =>
  options.workers === undefined || isServed(options) ? '' : ` --workers ${options.workers}`

function signingOptions({ signKey, signFor }: RunCommandOptions): SigningOptions {
  return {
    ...(signKey === undefined ? {} : { signKey }),
    ...(signFor === undefined ? {} : { signForDays: signFor }),
  }
}

/** The actors of an embedded bus send theirs, too: they inherit this process's environment. */
function startTraces({ otlp = process.env['MAGGY_OTLP'] }: RunCommandOptions): void {
  if (otlp === undefined || otlp === '') return
  process.env['MAGGY_OTLP'] = otlp
  const onDropped = (reason: string) => void process.stderr.write(`traces are lost: ${reason}\n`)
  startTracing({ endpoint: otlp, service: 'client', id: `client-${process.pid}`, onDropped })
}

/** The same watch, which begins to keep the experiment in MLflow as soon as it is in the log. */
function tracked(
  server: MlflowServer,
  bus: Bus,
  watch: Shown,
  style: Style,
): { readonly watch: Shown; finish(): Promise<void> } {
  let tracking: Tracking | undefined
  let over = false
  const notice = (text: string) => {
    if (over && style !== 'json') process.stderr.write(`${text}\n`)
    else watch.onNotice?.(text)
  }
  return {
    watch: {
      ...watch,
      onEvent(event, reading, live) {
        tracking ??= trackIn(server, bus, reading.experiment, notice)
        watch.onEvent?.(event, reading, live)
      },
    },
    async finish() {
      over = true
      await tracking?.finish()
    },
  }
}

/** Where one is wanted. A board that ends later costs the experiment nothing. */
async function boardBeside(session: Session, options: RunCommandOptions): Promise<KeptBoard | undefined> {
  if (options.board !== true) return undefined
  try {
    const board = await keepBoard(session.address, { access: options })
    sayAddress(board.address, options.json === true)
    return board
  } catch (error) {
    await session.close()
    throw error
  }
}

async function assertWritable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await access(folder, constants.W_OK)
}

async function written(session: Session, result: Result, options: RunCommandOptions): Promise<string[]> {
  const folders: string[] = []
  if (options.output !== undefined) folders.push(await writeFiles(options.output, session.bus, result))
  if (options.tensorboard !== undefined) folders.push(await writeTensorBoard(options.tensorboard, session.bus, result))
  return folders
}

function codeFor(result: Result, signal: AbortSignal): number {
  if (signal.aborted) return exitCodes.interrupted
  // All trials ran, and a pruner of the user's said what is no verdict.
  if (result.state !== 'failed') return result.misbehaved === undefined ? exitCodes.done : exitCodes.internal
  const own = exitCodeFor(result.problem?.code ?? '')
  return own === exitCodes.usage || own === exitCodes.internal ? own : exitCodes.failed
}
