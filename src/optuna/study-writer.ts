/**
 * An experiment as a study of Optuna's: what has to be appended to a journal so that it says what the log says. Pure: it compares what is
 * wanted with what the journal holds, so that it can be asked again whenever something has changed.
 * I1 Attributes and reports of a trial stand before its end: Optuna passes over what comes after it.
 * I2 One attribute an operation, and a report of one objective only, for Optuna knows no others.
 * I3 Nothing is taken back: a report of an attempt that does not count becomes NaN, a trial that ended and runs again (its experiment was
 *    resumed) becomes another trial of the study.
 */
import { own, type Objective } from '../../protocol/index.ts'
import { isFinal } from '../history/index.ts'
import { limitsOf } from '../pareto/index.ts'
import type { KeptPoint, Outline, TrialResult } from '../store/index.ts'
import { distributionOf, internalValue } from './distribution.ts'
import { isFinished, type Journal, type JournalStudy, type JournalTrial } from './journal.ts'
import {
  constraintsKey,
  metricAttribute,
  metricNamesKey,
  opCodes,
  optunaDirections,
  optunaStates,
  pythonInstant,
  type AttributeValue,
  type Operation,
  type OptunaState,
} from './operation.ts'

/** The attribute that holds the number of a trial in maggy. */
const numberKey = 'maggy:trial'

export class StudyWriter {
  readonly #journal: Journal
  #written: Operation[] = []

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Events since the last time, in their order. */
  take(): Operation[] {
    const written = this.#written
    this.#written = []
    return written
  }

  /** Sees to it that the study is there. */
  study(outline: Outline): void {
    const { experiment, name, contextName, objectives, seed, wanted } = outline
    if (this.#journal.study(experiment) === undefined) {
      const directions = objectives.map(({ direction }) => optunaDirections[direction])
      this.#write(opCodes.createStudy, { study_name: experiment, directions })
    }
    const study = this.#studyOf(outline)
    const names = objectives.map(({ metric }) => metric)
    if (study.metricNames === null) {
      this.#write(opCodes.setStudySystemAttr, { study_id: study.id, system_attr: { [metricNamesKey]: names } })
    }
    for (const [key, value] of Object.entries({ name, context: contextName, seed, trials: wanted })) {
      if (study.attributes.get(key) === value) continue
      this.#write(opCodes.setStudyUserAttr, { study_id: study.id, user_attr: { [key]: value } })
    }
  }

  /** Sees to it that a trial stands as it does in the log. `points`: all that it reported; of one that has ended, all that it ever will. */
  trial(outline: Outline, trial: TrialResult, points: readonly KeptPoint[]): void {
    const wanted = stateOf(trial, outline.objectives)
    const study = this.#studyOf(outline)
    const last = study.trials.findLast(({ attributes }) => attributes.get(numberKey) === trial.trial)
    // I3
    const isOther = last?.state === optunaStates.fail && wanted !== optunaStates.fail
    if (last !== undefined && isFinished(last.state) && !isOther) return
    const written = last === undefined || isOther ? this.#create(outline, study, trial) : last
    if (wanted === optunaStates.waiting) return this.#move(written, wanted, {})
    const begun = trial.startedAt ?? trial.endedAt ?? outline.startedAt ?? 0
    if (written.state === optunaStates.waiting) {
      this.#move(written, optunaStates.running, { datetime_start: pythonInstant(begun) })
    }
    const counting = points.filter(({ attempt }) => attempt === trial.attempt)
    this.#steps(written, outline.objectives, counting, isFinished(wanted))
    if (!isFinished(wanted)) return
    for (const [key, value] of attributesOf(outline, trial)) this.#attribute(written, key, value)
    const beyond = constraintsOf(trial, outline.objectives)
    if (beyond !== undefined) {
      this.#write(opCodes.setTrialSystemAttr, { trial_id: written.id, system_attr: { [constraintsKey]: beyond } })
    }
    this.#move(written, wanted, {
      values: valuesOf(trial, wanted, outline.objectives),
      datetime_complete: pythonInstant(trial.endedAt ?? outline.endedAt ?? begun),
    })
  }

  #studyOf({ experiment }: Outline): JournalStudy {
    const study = this.#journal.study(experiment)
    if (study === undefined) throw new Error(`the study ${experiment} was not written`)
    return study
  }

  #create({ space }: Outline, study: JournalStudy, trial: TrialResult): JournalTrial {
    const distributions: Record<string, string> = {}
    const params: Record<string, number> = {}
    for (const [name, parameter] of Object.entries(space)) {
      const distribution = distributionOf(parameter)
      const value = own(trial.hparams, name)
      const internal =
        distribution === undefined || value === undefined ? undefined : internalValue(distribution, value)
      if (internal === undefined) continue
      distributions[name] = JSON.stringify(distribution)
      params[name] = internal
    }
    this.#write(opCodes.createTrial, {
      study_id: study.id,
      datetime_start: null,
      state: optunaStates.waiting,
      value: null,
      values: null,
      distributions,
      params,
      user_attrs: { [numberKey]: trial.trial },
      system_attrs: {},
      intermediate_values: {},
    })
    const created = study.trials.at(-1)
    if (created === undefined) throw new Error('a trial that was written is there')
    return created
  }

  #steps(trial: JournalTrial, objectives: readonly Objective[], points: readonly KeptPoint[], over: boolean): void {
    const [objective, another] = objectives
    if (objective === undefined || another !== undefined) return
    const steps = new Map<number, number>()
    for (const { step, values } of points) {
      const value = own(values, objective.metric)
      if (typeof value === 'number') steps.set(step, value)
    }
    for (const [step, value] of steps) if (trial.steps.get(step) !== value) this.#step(trial, step, value)
    if (!over) return
    // I3
    for (const [step, value] of trial.steps) if (value !== null && !steps.has(step)) this.#step(trial, step, NaN)
  }

  #step({ id }: JournalTrial, step: number, value: number): void {
    this.#write(opCodes.setTrialIntermediateValue, { trial_id: id, step, intermediate_value: value })
  }

  #attribute({ id, attributes }: JournalTrial, key: string, value: AttributeValue): void {
    if (attributes.has(key)) return
    this.#write(opCodes.setTrialUserAttr, { trial_id: id, user_attr: { [key]: value } })
  }

  #move(trial: JournalTrial, state: OptunaState, fields: Readonly<Record<string, unknown>>): void {
    if (trial.state === state) return
    this.#write(opCodes.setTrialStateValues, { trial_id: trial.id, state, values: null, ...fields })
  }

  #write(code: number, fields: Readonly<Record<string, unknown>>): void {
    const operation = { op_code: code, worker_id: 'maggy', ...fields }
    this.#written.push(operation)
    this.#journal.apply(operation)
  }
}

/** A trial without a number for each objective is none that Optuna would call complete. */
function stateOf(trial: TrialResult, objectives: readonly Objective[]): OptunaState {
  if (!isFinal(trial.state)) return trial.state === 'queued' ? optunaStates.waiting : optunaStates.running
  if (trial.state === 'pruned') return optunaStates.pruned
  if (trial.state !== 'done') return optunaStates.fail
  return numbersOf(trial, objectives) === null ? optunaStates.fail : optunaStates.complete
}

/** Of a trial that was pruned, what it reported last; Optuna knows no pruning with several objectives. */
function valuesOf(trial: TrialResult, state: OptunaState, objectives: readonly Objective[]): number[] | null {
  if (state === optunaStates.complete) return numbersOf(trial, objectives)
  return state === optunaStates.pruned && objectives.length === 1 ? numbersOf(trial, objectives) : null
}

function numbersOf({ metrics }: TrialResult, objectives: readonly Objective[]): number[] | null {
  const numbers = objectives.map(({ metric }) => own(metrics, metric))
  return numbers.every((value): value is number => typeof value === 'number') ? numbers : null
}

/**
 * How far a trial is beyond each limit: 0 or less where it keeps it, which is what Optuna calls feasible. What is no number is as far beyond as
 * a number can be. undefined: there are no limits, or the trial did not come to the numbers.
 */
function constraintsOf({ metrics }: TrialResult, objectives: readonly Objective[]): number[] | undefined {
  const limits = limitsOf(objectives)
  if (limits.length === 0 || limits.some(({ metric }) => own(metrics, metric) === undefined)) return undefined
  return limits.flatMap(({ metric, atLeast, atMost }) => {
    const value = own(metrics, metric)
    if (typeof value !== 'number' || !Number.isFinite(value)) return [Number.MAX_VALUE]
    return [...(atMost === undefined ? [] : [value - atMost]), ...(atLeast === undefined ? [] : [atLeast - value])]
  })
}

function* attributesOf(outline: Outline, trial: TrialResult): Iterable<[string, AttributeValue]> {
  const objectives = new Set(outline.objectives.map(({ metric }) => metric))
  for (const [name, value] of Object.entries(trial.hparams)) {
    const parameter = own(outline.space, name)
    if (parameter === undefined || distributionOf(parameter) === undefined) yield [`hparams.${name}`, value]
  }
  for (const [name, value] of Object.entries(trial.metrics)) {
    if (!objectives.has(name)) yield [metricAttribute(name), value]
  }
  const { state, seed, attempts, worker, ablated, problem } = trial
  yield ['state', state]
  yield ['seed', seed]
  yield ['attempts', attempts]
  if (worker !== null) yield ['worker', worker]
  if (ablated !== undefined) yield ['without', ablated.components.map(({ name }) => name)]
  if (problem !== undefined) yield ['problem', { code: problem.code, message: problem.message }]
}
