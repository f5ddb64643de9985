/**
 * A training by several, seen from one of them: hooks in tfjs on one side, the link to the ring's thread on the other.
 * The training function does not know. It does the same on every rank, so its collectives are the same, and have numbers.
 * This file puts the parts together: membership (when this process takes part), gradients, variable-sync (variables made equal),
 * averages (what user code is told), data (shards, dataset-reads) and checkpoints.
 */
import { problem, type Metrics, type RingSettings } from '../../protocol/index.ts'
import type { Tf } from './backend.ts'
import { createAverages } from './averages.ts'
import { createGradientSteps, type GradientSteps } from './gradients.ts'
import { createDatasetReads } from './dataset-reads.ts'
import { takeMixedCallbacks } from './fit-lists.ts'
import { createFitOrder } from './fit-order.ts'
import { installHooks } from './hooks.ts'
import { exchangesRows, reshuffling } from './adjust.ts'
import { createMembership, type Membership } from './membership.ts'
import { createPassedGradients } from './passed-gradients.ts'
import { createFuse, createReplica } from './replica.ts'
import { createRingLink, type RingLine } from './ring-link.ts'
import { createShards } from './shards.ts'
import { atRateTimes } from './tfjs.ts'
import { createVariableSync, type VariableSync } from './variable-sync.ts'

export interface DistributionOptions {
  readonly tf: Tf
  readonly settings: RingSettings
  /** Whole number, of its own for each member that begins: the shard until ranks are known. */
  readonly seat: number
  readonly seed: number
  readonly line: RingLine
  readonly stopReason: () => string | undefined
  /** After each gradient step that was applied. */
  readonly onStep?: (step: number) => void
}

export interface Distribution {
  /** The dataset generator that train gets. `note`: what the user is to know of how its data are cut and counted; said by one worker for all. */
  dataset(generator: unknown, note?: (text: string) => void): unknown
  /** Over all ranks. Undefined: this point was said before this member came. */
  average(values: Metrics): Metrics | undefined
  /** Of what train returned. Throws GRADIENT_MISSING. */
  result(values: Readonly<Record<string, number>>): Record<string, number>
  /** Whether this member speaks for all. */
  readonly speaks: boolean
  readonly shard: { readonly index: number; readonly count: number }
  /** Leaves the ring, and puts tfjs back. */
  end(reason: 'done' | 'failed' | 'draining'): void
}

const emptyStep = (step: number): string =>
  `step ${step} of the training counted no samples: all workers that had computed it were lost before others had their gradients`

const usesPassed = (shape: readonly number[]): string =>
  `train goes on with a tensor of shape [${shape.join(', ')}] that it made of gradients of steps which were over before this worker came ` +
  '(or are older than the checkpoint): they were zeros here, so it is not what the others have. Keep such state in a tf.variable, or let an ' +
  'optimizer keep it: see "Kept and put back" in deploy/TRAINING.md'

export function createDistribution(options: DistributionOptions): Distribution {
  const { tf, settings, line } = options
  const count = settings.workers.max
  const index = options.seat % count
  const replica = createReplica(tf)
  const link = createRingLink({ line, stopReason: options.stopReason, exportState: () => replica.take() })
  const datasets = createDatasetReads(count)
  const shards = createShards({
    tf,
    count,
    index,
    seed: options.seed,
    onVariable: (variable) => {
      replica.exclude(variable)
    },
    onRead: datasets.onCut,
    note: (text) => {
      if (speaks()) tellUser?.(text)
    },
  })
  let tellUser: ((text: string) => void) | undefined
  const membership: Membership = createMembership({
    link,
    replica,
    fuse: createFuse(),
    progress: () => steps.progress,
    onBegin: () => {
      sync.knowAll()
    },
  })
  const sync: VariableSync = createVariableSync({ tf, replica, membership, agreement: shards.agreement })
  const passedGradients = createPassedGradients(tf, (shape) => {
    // Nobody else knows.
    tellUser?.(usesPassed(shape))
  })
  const steps: GradientSteps = createGradientSteps({
    tf,
    settings,
    replica,
    membership: () => membership,
    sync: () => sync,
    agreement: shards.agreement,
    passedGradients,
    onBoundary: checkpoint,
    onEmpty: (step) => {
      if (speaks()) tellUser?.(emptyStep(step))
    },
  })
  const averages = createAverages({ membership, steps, replica })

  function checkpoint(step: number): void {
    const every = settings.checkpointEvery
    if (every === null || step === 0 || step % every !== 0 || membership.skips || membership.place?.rank !== 0) return
    link.tell({ type: 'checkpoint', next: membership.next, bytes: replica.take() })
  }

  const speaks = (): boolean => {
    const { place } = membership
    return place === undefined ? !membership.hasBegun && options.seat % count === 0 : place.rank === 0
  }

  const cuts = settings.shard !== 'own'
  const order = createFitOrder()
  let shuffles = 0
  // Beneath the hooks, for it stays when they go.
  takeMixedCallbacks(tf)
  const uninstall = installHooks(tf, {
    gradients: (f, variables, compute) => {
      if (cuts) shards.trains()
      return steps.compute(f, variables, compute)
    },
    batch: steps.batch,
    fit: async (data, args, fit) => {
      const own = datasets.shared(data, args)
      const train = async (): Promise<unknown> => {
        const copies = exchangesRows(own) ? shards.copies(data) : undefined
        try {
          const result = await (copies === undefined ? fit(own) : fit(reshuffling(tf, own, copies), copies.data))
          steps.settle()
          return result
        } finally {
          copies?.dispose()
        }
      }
      // One worker alone has nobody to be in step with.
      return await (count > 1 ? order.run(train) : train())
    },
    reads: datasets.reads,
    tests: averages.tests,
    passEvaluation: averages.passEvaluation,
    evaluated: averages.evaluated,
    epochEnd: averages.epochEnd,
    epochOver: averages.epochOver,
    applies: (optimizer, names, apply) => {
      if (!steps.apply(optimizer, names)) return
      if (settings.learningRate === 'linear') atRateTimes(count, optimizer, apply)
      else apply()
    },
    counted: (optimizer) => {
      replica.counts(optimizer)
      // The moments that the optimizer makes are zeros everywhere.
      sync.knowAll()
      if (!steps.hasPassed) options.onStep?.(steps.progress.step)
    },
    gets: (weights) => {
      replica.reads(weights, membership.next, membership.skips)
    },
    sets: (layer, weights) => {
      // In a step that is over, its own state is nobody's, too.
      if (membership.skips || !weights.some((one) => replica.isPassed(one))) return
      // Rank 0 has been there for longest.
      const isFirst = membership.place?.rank === 0
      throw isFirst ? problem('RING_WEIGHTS_PASSED', { layer }) : problem('RING_WEIGHTS_ELSEWHERE', { layer })
    },
    summarizes: shards.summarizes,
    computed: passedGradients.computed,
    shuffleSeed: () => {
      shuffles += 1
      return `${options.seed}/${shuffles}`
    },
  })

  return {
    dataset: (generator, note) => {
      tellUser = note
      return cuts && typeof generator === 'function'
        ? shards.generator(generator as (...args: readonly unknown[]) => unknown)
        : generator
    },
    average: averages.report,
    result: averages.result,
    get speaks() {
      return speaks()
    },
    get shard() {
      return { index, count }
    },
    end: (reason) => {
      uninstall()
      shards.end()
      link.tell({ type: 'leave', reason })
    },
  }
}
