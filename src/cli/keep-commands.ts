/** `maggy artifacts` and `maggy model`: what trials have saved, listed and as files. */
import { join } from 'node:path'
import { problem } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { refuseExisting, writeArtifactFile } from '../artifact/index.ts'
import type { Bus } from '../bus/index.ts'
import {
  artifactNamed,
  latestExperiment,
  modelOf,
  readArtifact,
  readResult,
  trialWanted,
  type Artifact,
  type Result,
  type TrialResult,
} from '../store/index.ts'
import { bytesText } from '../words/index.ts'
import { looking, type Looking } from './looking.ts'
import { table } from './plain-table.ts'
import { printJson } from './watch.ts'

interface Found {
  readonly trial: TrialResult
  readonly artifact: Artifact
}

export interface ArtifactsOptions extends Looking {
  /** Only those of this name. */
  readonly name?: string
  /** A folder to write them to. */
  readonly output?: string
  readonly force?: boolean
}

/** Lists artifacts, or writes them as `OUTPUT/TRIAL/NAME`; of one trial as `OUTPUT/NAME`. */
export async function artifactsCommand(
  id: string | undefined,
  trial: number | undefined,
  options: ArtifactsOptions,
): Promise<number> {
  const { name, output, force = false } = options
  await looking(
    options,
    async ({ bus }) => {
      const result = await readResult(bus, id ?? (await latestExperiment(bus)))
      const found = foundIn(result, trial, name)
      if (output === undefined) return list(result, found, options)
      const placeOf = ({ trial: { trial: of }, artifact }: Found) =>
        trial === undefined ? join(output, String(of), artifact.name) : join(output, artifact.name)
      // Refused before anything is written.
      if (!force) for (const one of found) await refuseExisting(placeOf(one))
      for (const one of found) await write(bus, result.experiment, one, placeOf(one), options)
      if (found.length === 0 && options.json !== true) list(result, found, options)
    },
    id,
  )
  return exitCodes.done
}

function foundIn(result: Result, trial: number | undefined, name: string | undefined): readonly Found[] {
  const { experiment, trials } = result
  const wanted = trial === undefined ? trials : [trialWanted(result, trial)]
  const [only] = wanted
  // A name that does not exist is the caller's mistake.
  if (trial !== undefined && name !== undefined && only !== undefined) artifactNamed(experiment, only, name)
  return wanted.flatMap((one) =>
    (one.artifacts ?? [])
      .filter((artifact) => name === undefined || artifact.name === name)
      .map((artifact) => ({ trial: one, artifact })),
  )
}

function list({ experiment }: Result, found: readonly Found[], { json }: Looking): void {
  if (json === true) {
    for (const { trial, artifact } of found) {
      const { name, kind, bytes, sha256, attempt, at } = artifact
      const { trial: number, state } = trial
      printJson('artifact', { experiment, trial: number, state, attempt, name, kind, bytes, sha256, at })
    }
    return
  }
  const rows = found.map(({ trial, artifact: { name, kind, bytes, sha256 } }) => [
    String(trial.trial),
    trial.state,
    name,
    kind,
    bytesText(bytes),
    sha256.slice(0, 12),
  ])
  const none = `no artifacts in ${experiment}; train saves them: \`await artifact.save('model', net)\``
  process.stdout.write(
    `${rows.length === 0 ? none : table(['trial', 'state', 'name', 'kind', 'size', 'sha256'], rows)}\n`,
  )
}

export interface ModelOptions extends Looking {
  readonly best?: boolean
  readonly trial?: number
  readonly name?: string
  readonly output: string
  readonly force?: boolean
}

/** Writes the model of a trial as a folder that `tf.loadLayersModel('file://…/model.json')` reads. */
export async function modelCommand(id: string | undefined, options: ModelOptions): Promise<number> {
  const { best, trial, name, output } = options
  if (best === true && trial !== undefined) {
    throw problem('OPTION_INVALID', { option: '--best', reason: 'and --trial name two trials: give one of them' })
  }
  await looking(
    options,
    async ({ bus }) => {
      const result = await readResult(bus, id ?? (await latestExperiment(bus)))
      const of = trialWanted(result, trial)
      await write(
        bus,
        result.experiment,
        { trial: of, artifact: modelOf(result.experiment, of, name) },
        output,
        options,
      )
    },
    id,
  )
  return exitCodes.done
}

async function write(
  bus: Bus,
  experiment: string,
  { trial: { trial }, artifact }: Found,
  path: string,
  { force = false, json }: { readonly force?: boolean; readonly json?: boolean },
): Promise<void> {
  const { name, kind, bytes, sha256 } = artifact
  const parts = readArtifact(bus, experiment, trial, artifact)
  await writeArtifactFile({ name, kind, parts }, path, force)
  if (json === true) printJson('written', { experiment, trial, name, kind, bytes, sha256, path })
  else process.stdout.write(`trial ${trial}: ${name} (${bytesText(bytes)}) written to ${path}\n`)
}
