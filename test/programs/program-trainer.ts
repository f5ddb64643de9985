/**
 * A thread that runs a program of the zoo as a runner would, with tfjs's plain JavaScript backend: alone, or as a member of a ring.
 * It watches from outside what became of the program's variables and tensors.
 */
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs'
import type { Hparams, RingSettings } from '../../protocol/index.ts'
import { createRandom } from '../../src/random/index.ts'
import { createDistribution } from '../../src/train/distributed.ts'
import type { RingLine } from '../../src/train/ring-link.ts'
import { runTraining, type TrainingOutcome } from '../../src/train/training.ts'
import { programs, type ProgramName } from './programs.ts'

export interface ProgramSetting {
  readonly program: ProgramName
  readonly hparams: Hparams
  /** Null: alone, without the system. */
  readonly ring: { readonly settings: RingSettings; readonly seat: number; readonly line: RingLine } | null
}

export interface ProgramReport {
  /** In words: errors do not travel. */
  readonly outcome: string
  readonly metrics: Readonly<Record<string, number>>
  readonly points: readonly unknown[]
  /** What is trained, as it was after the last step. */
  readonly weights: readonly number[]
  /** A hash of it after each step. */
  readonly hashes: readonly string[]
  /** Tensors that are there now and were not before. */
  readonly leaked: number
  readonly lines: readonly string[]
}

interface Registry {
  readonly state: { readonly registeredVariables: Record<string, tf.Variable> }
}

const registered = (): tf.Variable[] =>
  Object.values((tf.engine() as unknown as Registry).state.registeredVariables).filter(({ trainable }) => trainable)

/** Calls `look` after each step of any optimizer. */
function watchSteps(look: () => void): () => void {
  const prototype = tf.Optimizer.prototype as unknown as { incrementIterations: (this: unknown) => void }
  const original = prototype.incrementIterations
  prototype.incrementIterations = function (this: unknown) {
    original.call(this)
    look()
  }
  return () => {
    prototype.incrementIterations = original
  }
}

async function run({ program, hparams, ring }: ProgramSetting): Promise<ProgramReport> {
  await tf.setBackend('cpu')
  let weights: number[] = []
  const hashes: string[] = []
  const stop = watchSteps(() => {
    const values = registered().map((variable) => variable.dataSync() as Float32Array)
    weights = values.flatMap((value) => [...value])
    hashes.push(createHash('sha256').update(Float32Array.from(weights)).digest('hex'))
  })
  const { random } = Math
  // Programs that seed nothing begin alike alone and as one of several; ranks differ, and rank 0's weights are the start.
  const drawn = createRandom('programs', ring?.seat ?? 0)
  Math.random = () => drawn.uniform()
  const before = tf.memory().numTensors
  const points: unknown[] = []
  const lines: string[] = []
  const stopReason = (): undefined => undefined
  const distribution = ring === null ? undefined : createDistribution({ tf, seed: 5, stopReason, ...ring })
  const kind = ring === null ? 'explore' : 'training'
  const { outcome } = await runTraining(programs[program], {
    hparams,
    objectives: [],
    run: { kind, experiment: program, contextName: kind, trial: 0, attempt: 1, seed: 0 },
    ...(distribution === undefined ? {} : { distribution }),
    sink: {
      point: ({ step, values }) => {
        if (distribution?.speaks !== false) points.push({ step, values })
      },
      ...(distribution === undefined ? {} : { average: (values) => distribution.average(values) }),
      line: (text) => lines.push(text),
      stopReason,
      now: () => 0,
    },
  })
  stop()
  Math.random = random
  const leaked = tf.memory().numTensors - before
  return { outcome: told(outcome), metrics: metricsIn(outcome), points, weights, hashes, leaked, lines }
}

function told(outcome: TrainingOutcome): string {
  if (outcome.kind === 'failed') return `${outcome.error.code}: ${outcome.error.message}`
  return outcome.kind === 'done' ? 'done' : `${outcome.kind}: ${outcome.reason}`
}

const metricsIn = (outcome: TrainingOutcome): Record<string, number> => (outcome.kind === 'done' ? outcome.metrics : {})

parentPort?.on('message', (setting: ProgramSetting) => {
  void run(setting).then((report) => {
    parentPort?.postMessage(report)
    return undefined
  })
})
