/** A result whose trials hand out what they saved: it is fetched when it is asked for. */
import { partsOfModel, splitModel } from '../artifact/index.ts'
import { problem } from '../../protocol/index.ts'
import { artifactNamed, modelOf, wholeArtifact, type Artifact, type Result, type TrialResult } from '../store/index.ts'
import { openSession, type SessionOptions } from './session.ts'

/** Methods of a trial in a result from `lagom`, beside its numbers. */
interface Saves {
  /**
   * The model that the trial saved, as a tfjs LayersModel: it predicts as it did there. `name`: of several, which; else the one that is
   * called `model`. Rejects with MODEL_MISSING, ARTIFACT_MISSING, and what a connection rejects with.
   */
  model<M extends object = object>(name?: string): Promise<M>
  /** The bytes of an artifact. Rejects with ARTIFACT_MISSING. */
  artifact(name: string): Promise<Uint8Array>
}

export type KeptTrial<H extends object> = TrialResult<H> & Saves

/** The result of an experiment that was run here. */
export interface KeptResult<H extends object> extends Result<H> {
  readonly best: KeptTrial<H> | null
  readonly worst: KeptTrial<H> | null
  readonly pareto: readonly KeptTrial<H>[]
  readonly trials: readonly KeptTrial<H>[]
}

/** `session`: how the bus is found again. What is added is no data: it is in no JSON, and in no comparison. */
export function withSaves(result: Result, session: Omit<SessionOptions, 'actors'>): KeptResult<object> {
  const { experiment } = result
  const fetched = async (trial: number, artifact: Artifact): Promise<Uint8Array> => {
    const opened = await openSession({ ...session, actors: 'none' })
    try {
      return await wholeArtifact(opened.bus, experiment, trial, artifact)
    } finally {
      await opened.close()
    }
  }
  const keep = <T extends TrialResult | null>(trial: T): T => {
    if (trial === null || 'model' in trial) return trial
    const saves: Saves = {
      async model<M extends object>(name?: string): Promise<M> {
        const wanted = modelOf(experiment, trial, name)
        const split = splitModel(await fetched(trial.trial, wanted))
        if (split === undefined) throw problem('ARTIFACT_CORRUPT', { name: wanted.name })
        const { modelFrom } = await import('../train/index.ts')
        return await modelFrom<M>(partsOfModel(split.json, split.weights))
      },
      artifact: async (name) => await fetched(trial.trial, artifactNamed(experiment, trial, name)),
    }
    for (const [name, value] of Object.entries(saves)) Object.defineProperty(trial, name, { value })
    return trial
  }
  for (const trial of [...result.trials, ...result.pareto, result.best, result.worst]) keep(trial)
  return result as KeptResult<object>
}
