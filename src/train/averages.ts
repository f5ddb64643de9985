/**
 * Numbers that user code is told, or tells, as means over all ranks, weighted by samples: reports, what train returns, the logs of
 * an epoch, what evaluate gives.
 * I1 A number that is the same on all ranks stays what it is, to the bit.
 * I2 A rank without samples counts nothing, and is told what the others found.
 */
import { problem, type Metrics } from '../../protocol/index.ts'
import type { Fact } from './facts.ts'
import type { GradientSteps } from './gradients.ts'
import type { Epoch, Measured } from './hooks.ts'
import { numberMarks, readNumber, writeNumber } from './marks.ts'
import type { Membership } from './membership.ts'
import type { Replica } from './replica.ts'
import { settingsOf, stopsTraining, type TfModel } from './tfjs.ts'

export interface Averages {
  /** Of a report. Undefined: this point was reported before this member came. */
  readonly report: (values: Metrics) => Metrics | undefined
  /** Of what train returned. Throws GRADIENT_MISSING, and RING_REPLICAS_DIFFER where the replicas are not equal at the end. */
  readonly result: (values: Readonly<Record<string, number>>) => Record<string, number>
  /** Of what evaluate would give, if it is over. */
  readonly passEvaluation: (count: number) => readonly number[] | undefined
  readonly evaluated: (measured: Measured) => readonly number[]
  readonly epochEnd: (epoch: Epoch) => {
    readonly trained: readonly number[]
    readonly validated: readonly number[] | undefined
  }
  /** Compares what callbacks have set. */
  readonly epochOver: (model: TfModel, epoch: number) => void
  /** Before a batch is evaluated; false: it is passed. */
  readonly tests: () => boolean
}

/** Means over the samples of all ranks. `values` are NaN and `samples` 0 where no rank has any. */
type Means = readonly Measured[]

export function createAverages(options: {
  readonly membership: Membership
  readonly steps: GradientSteps
  readonly replica: Replica
}): Averages {
  const { membership, steps, replica } = options
  let passedBefore = 0

  function enter(): void {
    steps.settle()
    membership.enter()
  }

  /** Not for one that is passed. */
  function meansOf(doing: string, groups: Means, facts: readonly Fact[] = []): Means {
    const perValue = 1 + numberMarks
    const length = groups.reduce((sum, { values }) => sum + 1 + values.length * perValue, 0)
    const key = `numbers ${groups.map(({ values }) => values.length).join(' ')}`
    const vector = membership.vectorFor(key, length)
    let offset = 0
    for (const { values, samples } of groups) {
      vector[offset++] = samples
      for (const value of values) {
        vector[offset] = samples === 0 ? 0 : value * samples
        writeNumber(value, vector, offset + 1)
        offset += perValue
      }
    }
    const got = membership.reduce({ key, vector, weight: 1, doing, facts })
    if (got === undefined) throw problem('INTERNAL', { reason: `${doing}, which is over` })
    offset = 0
    return groups.map(({ values }) => {
      const samples = got.vector[offset++] as number
      const means = values.map(() => {
        const mean = (got.vector[offset] as number) / samples
        // I1
        const same = readNumber(got.vector, offset + 1)
        offset += perValue
        return same ?? Number(mean.toPrecision(7))
      })
      return { values: means, samples }
    })
  }

  function numbers(doing: string, given: Metrics, samples: number, facts: readonly Fact[] = []): Metrics {
    const names = Object.keys(given).sort()
    const values = names.map((name) => given[name] ?? NaN)
    const [mean] = meansOf(`${doing} ${names.join(', ')}`, [{ values, samples }], facts)
    return Object.fromEntries(
      names.map((name, at) => {
        const value = mean?.values[at] ?? NaN
        return [name, Number.isFinite(value) ? value : null]
      }),
    )
  }

  return {
    report: (values) => {
      // Before its first gradient a member has nobody to ask.
      if (!membership.hasBegun) return values
      enter()
      if (!membership.skips) return numbers('reports', values, steps.samplesToReport())
      steps.samplesToReport()
      membership.pass()
      return undefined
    },
    result: (values) => {
      if (steps.computed === 0) throw problem('GRADIENT_MISSING', {})
      enter()
      if (membership.skips) {
        membership.pass()
        return { ...values }
      }
      const facts = (membership.place?.members ?? 1) > 1 ? replica.facts() : []
      const means = numbers('returns', values, 1, facts)
      return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, means[name] ?? value]))
    },
    tests: () => {
      enter()
      return !membership.skips
    },
    passEvaluation: (count) => {
      enter()
      if (!membership.skips) return undefined
      const told = membership.pass()
      return Array.from({ length: count }, (_, at) => told[at] ?? NaN)
    },
    evaluated: (measured) => {
      enter()
      const [mean] = meansOf('evaluates a model', [measured])
      const values = mean?.values ?? []
      membership.tell(values)
      return values
    },
    epochEnd: ({ number, trained, validated }) => {
      enter()
      const count = trained.values.length
      const passed = steps.passed - passedBefore
      passedBefore = steps.passed
      if (membership.skips) {
        const told = [...membership.pass()]
        return { trained: told.slice(0, count), validated: told.length > count ? told.slice(count) : undefined }
      }
      const all = meansOf(`ends epoch ${number}`, [passed > 0 ? partly(trained) : trained, validated])
      const [training, validation] = all
      const values = training?.values ?? []
      const isValidated = (validation?.samples ?? 0) > 0
      const told = { trained: values, validated: isValidated ? validation?.values : undefined }
      membership.tell([...told.trained, ...(told.validated ?? [])])
      return told
    },
    epochOver: (model, epoch) => {
      enter()
      if (membership.skips) {
        membership.pass()
        return
      }
      const key = 'decisions'
      const stops: Fact = { kind: 'decision', what: 'model.stopTraining', value: String(stopsTraining(model)) }
      const set = settingsOf(model.optimizer).map(([what, value]): Fact => ({
        kind: 'decision',
        what: `the optimizer's ${what}`,
        value,
      }))
      const vector = membership.vectorFor(key, 1)
      membership.reduce({ key, vector, weight: 1, doing: `has ended epoch ${epoch}`, facts: [stops, ...set] })
    },
  }
}

/** Of an epoch that this rank has not had from its start: counts only where no rank had all of it. */
function partly({ values, samples }: Measured): Measured {
  const isKnown = values.every((value) => !Number.isNaN(value))
  return { values, samples: isKnown ? samples * 1e-6 : 0 }
}
