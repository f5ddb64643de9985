/** Reads artifacts from their stream: a part at a time, and believed only by their hash. */
import { createHash } from 'node:crypto'
import { artifactPart, decodePayload, problem, subjectFor } from '../../protocol/index.ts'
import type { Bus } from '../bus/index.ts'
import type { ArtifactRecord } from '../history/index.ts'
import type { Result, TrialResult } from './results.ts'

/** An artifact of a trial, as its log lists it. */
export type Artifact = Pick<ArtifactRecord, 'name' | 'kind' | 'bytes' | 'sha256' | 'upload' | 'attempt' | 'at'>

/** Its bytes in order. Throws ARTIFACT_CORRUPT at the end, if they do not have its hash: what came before is worth nothing then. */
export async function* readArtifact(
  bus: Bus,
  experiment: string,
  trial: number,
  { name, attempt, upload, sha256 }: Artifact,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  const subject = subjectFor(artifactPart, { experiment, trial: String(trial), attempt: String(attempt), upload })
  for await (const entry of bus.streams.read('artifacts', subject)) {
    const { data } = decodePayload(artifactPart, entry.data, subject)
    hash.update(data)
    yield data
  }
  if (hash.digest('hex') !== sha256) throw problem('ARTIFACT_CORRUPT', { name })
}

/** All of it at once. */
export async function wholeArtifact(
  bus: Bus,
  experiment: string,
  trial: number,
  artifact: Artifact,
): Promise<Uint8Array> {
  const whole = new Uint8Array(artifact.bytes)
  let at = 0
  for await (const part of readArtifact(bus, experiment, trial, artifact)) {
    if (at + part.length > whole.length) throw problem('ARTIFACT_CORRUPT', { name: artifact.name })
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The trial whose model is wanted. `trial` undefined: the best, or the only one. Throws TRIAL_UNKNOWN, BEST_UNKNOWN. */
export function trialWanted(
  { experiment, trials, best, objectives, pareto }: Result,
  trial: number | undefined,
): TrialResult {
  if (trial !== undefined) {
    const found = trials.find((one) => one.trial === trial)
    if (found === undefined) throw problem('TRIAL_UNKNOWN', { experiment, trial })
    return found
  }
  if (best !== null) return best
  const [only, ...others] = trials
  if (only !== undefined && others.length === 0) return only
  const front = pareto.map((one) => one.trial).join(', ')
  const reason =
    objectives.length > 1
      ? `it has ${objectives.length} objectives, and none beats all (the front: ${front || 'none'})`
      : 'no trial of it is done'
  throw problem('BEST_UNKNOWN', { experiment, reason })
}

/** An artifact of a trial by its name. Throws ARTIFACT_MISSING. */
export function artifactNamed(experiment: string, { trial, artifacts = [] }: TrialResult, name: string): Artifact {
  const found = artifacts.find((one) => one.name === name)
  if (found === undefined) throw problem('ARTIFACT_MISSING', { experiment, trial, name, known: namesOf(artifacts) })
  return found
}

/** The model that a trial saved. `name`: of several, which; else the one that is called `model`. Throws MODEL_MISSING, ARTIFACT_MISSING. */
export function modelOf(experiment: string, trial: TrialResult, name?: string): Artifact {
  const { artifacts = [] } = trial
  if (name !== undefined) {
    const named = artifactNamed(experiment, trial, name)
    if (named.kind === 'model') return named
  }
  const models = artifacts.filter(({ kind }) => kind === 'model')
  const [only] = models
  if (only === undefined || name !== undefined) {
    throw problem('MODEL_MISSING', { experiment, trial: trial.trial, known: namesOf(artifacts) })
  }
  if (models.length === 1) return only
  const called = models.find((one) => one.name === 'model')
  if (called !== undefined) return called
  throw problem('ARTIFACT_MISSING', { experiment, trial: trial.trial, name: 'model', known: namesOf(models) })
}

const namesOf = (artifacts: readonly Artifact[]): string => artifacts.map(({ name }) => name).join(', ') || 'nothing'
