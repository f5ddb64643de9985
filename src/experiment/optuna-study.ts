/** The trials of a study of Optuna's as earlier trials: read of its journal at once, for a context is checked where it is written. */
import { readFileSync } from 'node:fs'
import { describe, isProblem, type Hparams, type Metrics, type Objective } from '../../protocol/index.ts'
import {
  Journal,
  metricAttribute,
  optunaDirections,
  optunaStates,
  type JournalStudy,
  type JournalTrial,
} from '../optuna/index.ts'
import { limitsOf } from '../pareto/index.ts'
import { invalid, show } from './options.ts'

interface OptunaOption {
  readonly file: string
  readonly study: string | undefined
}

/** undefined: it is no `{ optuna: FILE }`. Throws CONTEXT_INVALID. */
export function optunaOption(given: unknown): OptunaOption | undefined {
  if (typeof given !== 'object' || given === null || !Object.hasOwn(given, 'optuna')) return undefined
  const { optuna, study, ...rest } = given as Readonly<Record<string, unknown>>
  for (const key of Object.keys(rest)) throw invalid(`warmStart.${key}`, 'is unknown; there are optuna, study')
  if (typeof optuna !== 'string') throw invalid('warmStart.optuna', `is ${show(optuna)}, not the path of a file`)
  if (study !== undefined && typeof study !== 'string') {
    throw invalid('warmStart.study', `is ${show(study)}, not the name of a study`)
  }
  return { file: optuna, study }
}

/** In the words of a result. Throws CONTEXT_INVALID for a file that is no journal, and for a study that aims at something else. */
export function trialsOfStudy(option: OptunaOption, objectives: readonly Objective[]): readonly EarlierTrial[] {
  const study = studyIn(journalIn(option.file), option)
  const places = placesOf(study, objectives)
  return study.trials.map(({ hparams, state, values, attributes }) => ({
    hparams,
    state: words[state],
    metrics: Object.fromEntries([
      ...objectives.flatMap(({ metric }, index) => {
        const value = values?.[places[index] ?? -1]
        return value === undefined || value === null ? [] : [[metric, value]]
      }),
      ...limitsOf(objectives).flatMap(({ metric }) => {
        const value = attributes.get(metricAttribute(metric)) ?? attributes.get(metric)
        return typeof value === 'number' && Number.isFinite(value) ? [[metric, value]] : []
      }),
    ]),
  }))
}

interface EarlierTrial {
  readonly hparams: Hparams
  readonly state: string
  readonly metrics: Metrics
}

const words: Readonly<Record<JournalTrial['state'], string>> = {
  [optunaStates.running]: 'running',
  [optunaStates.complete]: 'done',
  [optunaStates.pruned]: 'pruned',
  [optunaStates.fail]: 'failed',
  [optunaStates.waiting]: 'queued',
}

function journalIn(file: string): Journal {
  const journal = new Journal()
  try {
    journal.read(readFileSync(file, 'utf8'), file)
  } catch (error) {
    throw invalid('warmStart.optuna', `cannot be read: ${isProblem(error) ? error.message : describe(error)}`)
  }
  return journal
}

function studyIn({ studies }: Journal, { file, study: name }: OptunaOption): JournalStudy {
  const found = name === undefined ? studies : studies.filter((study) => study.name === name)
  const [study, another] = found
  const known = `it has ${studies.length === 0 ? 'none' : studies.map((one) => show(one.name)).join(', ')}`
  if (study === undefined) throw invalid('warmStart.study', `is not in ${file}: ${known}`)
  if (another !== undefined) throw invalid('warmStart.study', `says which study of ${file} is meant: ${known}`)
  return study
}

/** Where in a study's values each objective stands: by its name if the study names its own, or else in their order. */
function placesOf(study: JournalStudy, objectives: readonly Objective[]): number[] {
  const { metricNames, directions, name } = study
  return objectives.map(({ metric, direction }, index) => {
    const named = metricNames?.indexOf(metric) ?? -1
    const place = named < 0 ? index : named
    const has = directions[place]
    if (has === undefined) {
      const reason = `names the study ${show(name)}, which has ${directions.length} objectives and none for ${show(metric)}`
      throw invalid('warmStart.optuna', reason)
    }
    if (has !== optunaDirections[direction]) {
      const other = direction === 'minimize' ? 'maximizes' : 'minimizes'
      throw invalid('warmStart.optuna', `names the study ${show(name)}, which ${other} what is ${show(metric)} here`)
    }
    return place
  })
}
