/** The experiments upon which faults come, and what is known of them beforehand. */
import { join } from 'node:path'
import { packageRoot } from '../../src/actor/index.ts'
import { ablation, optimization, training, type ContextOf } from '../../src/experiment/index.ts'
import { space } from '../../src/space/index.ts'
import { study } from '../../src/ablation/index.ts'
import type { ContextName } from './plan.ts'

export interface Expected {
  readonly id: string
  readonly context: ContextName
  readonly trials: number
  /** Reports of a trial. */
  readonly steps: number
  readonly epochs: number
  readonly side: string
}

const members = 2
const batchSize = 16
export const stepsAnEpoch = 8
const counted = join(packageRoot(), 'test/bench/modules/counted.ts')
const noted = join(packageRoot(), 'test/chaos/module.ts')
const steps = 4
const usualEpochs = 6
/** Faults cost attempts; here none is to be the last. */
const maxAttempts = 50
const common = { metric: 'value', maxAttempts } as const

/** Where other than usual. */
export interface Size {
  readonly trials?: number
  /** Between two reports of a trial. */
  readonly stepMs?: number
  readonly epochs?: number
  /** Of a search: a file that says how many of its trials may end (keepPace), which run one after another. */
  readonly pace?: string
}

const usualTrials = { search: 10, ablation: 8, training: 1 } as const

export function experimentOf(context: ContextName, id: string, folder: string, size: Size = {}) {
  const side = join(folder, `${id}.side`)
  const { trials = usualTrials[context], stepMs = 80, epochs = usualEpochs, pace } = size
  const expected: Expected = { id, context, trials, steps, epochs, side }
  const module = context === 'training' ? counted : noted
  return { expected, module, context: contextOf(context, expected, stepMs, pace) }
}

function contextOf(name: ContextName, { side, trials, epochs }: Expected, stepMs: number, pace = ''): ContextOf {
  const hparams = { side, steps, stepMs }
  if (name === 'search') {
    const searched = { x: space.double(0, 1) }
    return optimization({
      ...common,
      optimizer: 'random',
      space: searched,
      hparams: { ...hparams, pace },
      trials,
      direction: 'maximize',
      ...(pace === '' ? {} : { parallel: 1 }),
    })
  }
  if (name === 'ablation') {
    const without = study().training('a', 'b', 'c')
    return ablation({ ...common, study: without, repeats: 2, hparams, direction: 'maximize' })
  }
  const samples = members * batchSize * stepsAnEpoch
  return training({
    workers: { min: 1, max: members },
    maxAttempts,
    hparams: { samples, batchSize, epochs, stepMs: 50, units: 8 },
  })
}
