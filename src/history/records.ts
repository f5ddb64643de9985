/**
 * The records of an experiment beside its machines: each kind of event is kept by its own noun. Pure.
 * I1 None of these events moves a machine.
 */
import type { LogEvent } from '../../protocol/index.ts'
import { Annotations } from './annotations.ts'
import { ArtifactBook } from './artifacts.ts'
import { Checkpoints } from './checkpoints.ts'
import { Generations } from './generations.ts'
import { Holders } from './holders.ts'
import { Notes } from './notes.ts'
import { Proposals } from './proposals.ts'

/** I1 */
export type Recorded = Extract<
  LogEvent,
  {
    type:
      | 'experiment.noted'
      | 'experiment.annotated'
      | 'experiment.removing'
      | 'shadow.proposed'
      | 'worker.introduced'
      | 'trial.artifact'
      | 'trial.saved'
      | 'ring.formed'
  }
>

type WorkerIntroduced = Pick<Extract<LogEvent, { type: 'worker.introduced' }>, 'host' | 'backend' | 'versions'>

export class Records {
  readonly notes = new Notes()
  /** Notes and tags that people have written. */
  readonly annotations = new Annotations()
  readonly artifacts = new ArtifactBook()
  readonly checkpoints = new Checkpoints()
  readonly generations = new Generations()
  /** Which worker each attempt was given to. */
  readonly holders = new Holders()
  readonly proposals = new Proposals()
  /** The hosts of its workers, by the workers' names. */
  readonly workers = new Map<string, WorkerIntroduced>()
  /** The experiment is being removed. */
  removing = false

  note(event: Recorded): void {
    switch (event.type) {
      case 'experiment.noted':
        return this.notes.note(event)
      case 'experiment.annotated':
        return this.annotations.note(event)
      case 'experiment.removing':
        this.removing = true
        return
      case 'shadow.proposed':
        return this.proposals.note(event)
      case 'worker.introduced': {
        const { worker, host, backend, versions } = event
        this.workers.set(worker, { host, backend, versions })
        return
      }
      case 'trial.artifact':
        return this.artifacts.note(event)
      case 'trial.saved':
        return this.checkpoints.note(event)
      case 'ring.formed':
        return this.generations.note(event)
    }
  }
}
