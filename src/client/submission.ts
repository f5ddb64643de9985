/** The request that a client hands to a driver. */
import { randomBytes } from 'node:crypto'
import {
  check,
  clipped,
  isProblem,
  problem,
  sentenceAtMost,
  Submission as SubmissionSchema,
  type Bundle,
  type Context,
  type Hparams,
  type Provenance,
  type Submission,
} from '../../protocol/index.ts'
import type { ContextOf, Contexts, Experiment } from '../experiment/index.ts'
import { nearest } from '../words/index.ts'

/** The context of that name. Throws CONTEXT_UNKNOWN with those that there are. */
export function contextOf(experiment: Pick<Experiment, 'name' | 'contexts'>, contextName: string): ContextOf {
  const contexts: Contexts = experiment.contexts
  const context = Object.hasOwn(contexts, contextName) ? contexts[contextName] : undefined
  if (context !== undefined) return context
  const known = Object.keys(contexts).join(', ') || 'none'
  throw problem('CONTEXT_UNKNOWN', { experiment: experiment.name, context: contextName, known })
}

/** The definition's defaults go along, so that a trial's hparams are complete wherever they are read. */
export function submissionOf(
  experiment: Pick<Experiment, 'name' | 'defaults'>,
  contextName: string,
  { context }: ContextOf,
  bundle: Bundle,
  id: string,
  provenance?: Provenance,
): Submission {
  const left: Hparams = { ...experiment.defaults, ...context.hparams }
  if (context.kind === 'optimization') for (const name of Object.keys(context.space)) delete left[name]
  return sendable({
    experiment: id,
    name: experiment.name,
    contextName,
    context: { ...context, hparams: left, ...notesOf(context, experiment.defaults) },
    bundle,
    ...(provenance === undefined ? {} : { provenance }),
  })
}

/** A context may add names to the definition's hparams. One that is misspelt does so too, and train does not miss it: both are said. */
function notesOf(context: Context, defaults: Hparams): { notes?: string[] } {
  if (context.kind !== 'optimization') return {}
  const { space, hparams, notes = [] } = context
  const known = Object.keys(defaults)
  const added = Object.keys(space).filter((name) => !Object.hasOwn(defaults, name))
  if (known.length === 0 || added.length === 0) return notes.length === 0 ? {} : { notes }
  const left = known.filter((name) => !Object.hasOwn(space, name) && !Object.hasOwn(hparams, name))
  const said = added.map((name) => {
    const meant = nearest(name, left)
    return meant === undefined ? name : `${name} (did you mean ${meant}?)`
  })
  const note = `the space has names that the definition's hparams lack: ${said.join(', ')}; these have ${known.join(', ')}`
  return { notes: [...notes, clipped(note, sentenceAtMost)] }
}

/** Throws CONTEXT_INVALID with the path, in the user's words, of what a driver would refuse. */
function sendable(submission: Submission): Submission {
  try {
    return check(SubmissionSchema, submission, 'submission')
  } catch (error) {
    if (!isProblem(error, 'MESSAGE_INVALID')) throw error
    const path = String(error.details['path'])
      .replace(/^\/(?:context\/)?/, '')
      .replaceAll('/', '.')
    throw problem('CONTEXT_INVALID', { path, reason: String(error.details['reason']) }, { cause: error })
  }
}

/** `mnist-tune-20260102-030405-7f3a`: readable, in the order of time, and its own even when two start in the same second. */
export function experimentId(name: string, contextName: string, now: Date, entropy = randomBytes(2)): string {
  const [day = '', time = ''] = now.toISOString().split('T')
  const clock = `${day.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`
  const kept = (text: string) => text.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 48)
  return `${kept(name)}-${kept(contextName)}-${clock}-${entropy.toString('hex')}`
}
