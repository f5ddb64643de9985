/**
 * Artifacts that an experiment's trials have saved (artifact.save), by the log. Pure.
 * I1 An attempt that saves a name again replaces what it had saved under it.
 * I2 What counts is what the attempt saved whose result is the trial's; of a trial that several train together, what any of them saved.
 */
import type { LogEvent } from '../../protocol/index.ts'
import { isFinal } from './final.ts'
import type { TrialSnapshot } from './trial.machine.ts'

type Saved = Extract<LogEvent, { type: 'trial.artifact' }>

/** An artifact that is kept: its bytes lie in the stream of artifacts, under experiment, trial, attempt and upload. */
export type ArtifactRecord = Omit<Saved, 'type' | 'trial'>

export class ArtifactBook {
  readonly #byTrial = new Map<number, readonly ArtifactRecord[]>()

  note(saved: Saved): void {
    const { trial, at, attempt: by, worker, name: as, kind, bytes, upload, sha256 } = saved
    const record = { at, attempt: by, worker, name: as, kind, bytes, upload, sha256 }
    const before = this.#byTrial.get(trial) ?? []
    // I1
    const others = before.filter(({ attempt, name }) => attempt !== record.attempt || name !== record.name)
    this.#byTrial.set(trial, [...others, record])
  }

  /** All that attempts at a trial have saved, whatever became of them. */
  saved(trial: number): readonly ArtifactRecord[] {
    return this.#byTrial.get(trial) ?? []
  }

  /** I2: a trial's own, as it stands. One that failed has none. */
  of(trial: number, { value, context: { end, parts, shared } }: TrialSnapshot): readonly ArtifactRecord[] {
    if (value === 'failed') return []
    if (!isFinal(value)) return this.#kept(trial, shared ? undefined : new Set(parts.map(({ attempt }) => attempt)))
    return end === null ? [] : this.#kept(trial, shared ? undefined : new Set([end.attempt]))
  }

  /** `attempts`: those that count; undefined: all do. By name. */
  #kept(trial: number, attempts: ReadonlySet<number> | undefined): readonly ArtifactRecord[] {
    const byName = new Map<string, ArtifactRecord>()
    for (const record of this.saved(trial)) {
      if (attempts === undefined || attempts.has(record.attempt)) byName.set(record.name, record)
    }
    return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}
