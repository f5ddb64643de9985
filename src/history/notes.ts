/**
 * Notes for people: the optimizer's on its choices, and those made on the way. Pure.
 * I1 Each is kept once, and of an experiment so many at most.
 * I2 Notes on the pruner are bounded by how often it begins to fail, so that none is left out for other notes.
 */
import type { Change, Context, LogEvent, PrunerState } from '../../protocol/index.ts'
import { placeOfEntries } from './change.ts'

type Noted = Extract<LogEvent, { type: 'experiment.noted' }>

/** Of an experiment, those of its pruner's failures not counted (I1). */
const mostNotes = 64
/** A pruner that comes and goes is noted so often (I2). */
export const mostPrunerFailures = 8

export class Notes {
  all: readonly string[] = []
  /** The code of what an actor of the user's did that hindered nothing else: its pruner gave answers that are none. */
  misbehaved: string | undefined = undefined
  /** Whether the pruner judges, since when, and how often it has begun to fail. */
  pruner: { readonly state: PrunerState; readonly since: number; readonly failures: number } = {
    state: 'judges',
    since: 0,
    failures: 0,
  }

  takes(event: Noted): boolean {
    const { state, failures } = this.pruner
    if (event.pruner !== undefined) return event.pruner !== state && failures < mostPrunerFailures
    return this.all.length < mostNotes && !this.all.includes(event.note)
  }

  note(event: Noted): void {
    if (event.pruner === undefined) this.add([event.note])
    else this.#notePruner(event.pruner, event)
    if (event.code === 'PRUNER_MISBEHAVED') this.misbehaved = event.code
  }

  /** I1 */
  add(notes: readonly string[]): void {
    const fresh = notes.filter((note) => !this.all.includes(note))
    if (fresh.length > 0) this.all = [...this.all, ...fresh].slice(0, mostNotes)
  }

  /** Another pruner judges from now on. */
  newPruner(at: number): void {
    this.pruner = { state: 'judges', since: at, failures: 0 }
  }

  /** I2 */
  #notePruner(state: PrunerState, { at, note }: Noted): void {
    const { failures } = this.pruner
    this.pruner = { state, since: at, failures: state === 'fails' ? failures + 1 : failures }
    if (!this.all.includes(note)) this.all = [...this.all, note]
  }
}

/** Describes a change of an experiment. `context`: before the change; `configurations`: suggested until then. */
export function notesOnChange(
  { optimizer, enqueue, trials, failed }: Change,
  context: Context,
  configurations: number,
  failedTrials: number,
): string[] {
  const notes: string[] = []
  if (context.kind === 'optimization') {
    if (optimizer !== undefined) {
      const before = context.optimizer.name
      notes.push(`the optimizer is ${optimizer.name} from trial ${configurations} on; before it was ${before}`)
    }
    const first = placeOfEntries(context, configurations)
    if (enqueue !== undefined) notes.push(`${countOf(enqueue.length, 'trial')} enqueued, from trial ${first} on`)
    else if (trials !== undefined) notes.push(`${trials} trials instead of ${context.trials}`)
  }
  if (failed === true) notes.push(`${countOf(failedTrials, 'failed trial')} tried anew`)
  return notes
}

const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
