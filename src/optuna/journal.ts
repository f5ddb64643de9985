/**
 * A journal's one reading, as Optuna itself applies it: studies and their trials as they stand after so many operations. Whoever writes
 * asks it what is there already, so that the same experiment can be written again, or on and on, and only what is new is added.
 * I1 What a journal says of a trial that has ended, or of a trial or study that is not there, is passed over.
 */
import { problem, type Hparams } from '../../protocol/index.ts'
import { externalValue } from './distribution.ts'
import { metricNamesKey, opCodes, optunaStates, parseLine, type OptunaState } from './operation.ts'

export interface JournalTrial {
  /** In the journal. */
  readonly id: number
  state: OptunaState
  readonly hparams: Hparams
  /** Of a trial that has not ended: what it reported, by step. */
  readonly steps: Map<number, number | null>
  readonly attributes: Map<string, unknown>
  values: readonly (number | null)[] | null
}

export interface JournalStudy {
  readonly id: number
  readonly name: string
  readonly directions: readonly number[]
  readonly attributes: Map<string, unknown>
  metricNames: readonly string[] | null
  readonly trials: JournalTrial[]
}

type Given = Readonly<Record<string, unknown>>
const emptyRecord: Given = {}

export class Journal {
  readonly #studies = new Map<number, JournalStudy>()
  readonly #trials: JournalTrial[] = []
  #created = 0
  #lines = 0

  /** How many have been read. */
  get lines(): number {
    return this.#lines
  }

  get studies(): JournalStudy[] {
    return [...this.#studies.values()]
  }

  study(name: string): JournalStudy | undefined {
    return this.studies.find((study) => study.name === name)
  }

  /** Takes in whole lines. Throws JOURNAL_INVALID for what is no journal. */
  read(text: string, file: string): void {
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue
      this.#lines += 1
      let operation: unknown
      try {
        operation = parseLine(line)
      } catch {
        throw problem('JOURNAL_INVALID', { file, line: this.#lines, reason: 'is not JSON' })
      }
      if (!isRecord(operation) || !Number.isInteger(operation['op_code'])) {
        throw problem('JOURNAL_INVALID', { file, line: this.#lines, reason: 'has no op_code' })
      }
      this.apply(operation)
    }
  }

  apply(operation: Given): void {
    switch (operation['op_code']) {
      case opCodes.createStudy:
        return this.#createStudy(operation)
      case opCodes.deleteStudy:
        this.#studies.delete(Number(operation['study_id']))
        return
      case opCodes.setStudyUserAttr:
        return this.#setStudy(operation, 'user_attr')
      case opCodes.setStudySystemAttr:
        return this.#setStudy(operation, 'system_attr')
      case opCodes.createTrial:
        return this.#createTrial(operation)
      default:
        return this.#setTrial(operation)
    }
  }

  #createStudy({ study_name: name, directions }: Given): void {
    if (typeof name !== 'string' || this.study(name) !== undefined) return
    const id = this.#created++
    this.#studies.set(id, {
      id,
      name,
      directions: listOf(directions, isNumber),
      attributes: new Map(),
      metricNames: null,
      trials: [],
    })
  }

  #setStudy(operation: Given, kind: 'user_attr' | 'system_attr'): void {
    const study = this.#studies.get(Number(operation['study_id']))
    if (study === undefined) return
    for (const [key, value] of Object.entries(recordOf(operation[kind]))) {
      if (kind === 'user_attr') study.attributes.set(key, value)
      else if (key === metricNamesKey) study.metricNames = listOf(value, isString)
    }
  }

  #createTrial(operation: Given): void {
    const study = this.#studies.get(Number(operation['study_id']))
    if (study === undefined) return
    const distributions = recordOf(operation['distributions'])
    const trial: JournalTrial = {
      id: this.#trials.length,
      state: stateOf(operation['state'] ?? optunaStates.running) ?? optunaStates.running,
      hparams: {},
      steps: new Map(),
      attributes: new Map(Object.entries(recordOf(operation['user_attrs']))),
      values: valuesOf(operation['values'] ?? (isNumber(operation['value']) ? [operation['value']] : null)),
    }
    for (const [name, value] of Object.entries(recordOf(operation['params']))) {
      setParam(trial, name, distributions[name], value)
    }
    this.#trials.push(trial)
    study.trials.push(trial)
  }

  #setTrial(operation: Given): void {
    const trial = this.#trials[Number(operation['trial_id'])]
    // I1
    if (trial === undefined || isFinished(trial.state)) return
    switch (operation['op_code']) {
      case opCodes.setTrialParam:
        return setParam(
          trial,
          String(operation['param_name']),
          operation['distribution'],
          operation['param_value_internal'],
        )
      case opCodes.setTrialStateValues: {
        trial.state = stateOf(operation['state']) ?? trial.state
        trial.values = valuesOf(operation['values']) ?? trial.values
        if (isFinished(trial.state)) trial.steps.clear()
        return
      }
      case opCodes.setTrialIntermediateValue: {
        const { step, intermediate_value: value } = operation
        if (isNumber(step)) trial.steps.set(step, isNumber(value) ? value : null)
        return
      }
      case opCodes.setTrialUserAttr:
        for (const [key, value] of Object.entries(recordOf(operation['user_attr']))) trial.attributes.set(key, value)
        return
      default:
    }
  }
}

function setParam(trial: JournalTrial, name: string, distribution: unknown, internal: unknown): void {
  const value = externalValue(distribution, internal)
  if (value !== undefined && name !== '__proto__') trial.hparams[name] = value
}

export const isFinished = (state: OptunaState): boolean =>
  state !== optunaStates.running && state !== optunaStates.waiting

function stateOf(value: unknown): OptunaState | undefined {
  return Object.values(optunaStates).find((state) => state === value)
}

function valuesOf(value: unknown): readonly (number | null)[] | null {
  return Array.isArray(value) ? value.map((item: unknown) => (isNumber(item) ? item : null)) : null
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isString = (value: unknown): value is string => typeof value === 'string'
const isRecord = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const recordOf = (value: unknown): Given => (isRecord(value) ? value : emptyRecord)
const listOf = <T>(value: unknown, is: (item: unknown) => item is T): T[] =>
  Array.isArray(value) ? value.filter(is) : []
