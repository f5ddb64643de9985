/** `maggy actors`: who is on the bus, by their own word. What an actor does not say is shown as a question mark. */
import pc from 'picocolors'
import type { WorkerInfo } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { findActors, type FoundActor } from '../client/index.ts'
import { visible } from '../words/index.ts'
import { looking, nothingHere, type Looking } from './looking.ts'
import { table } from './plain-table.ts'
import { duration } from './text.ts'
import { printJson } from './watch.ts'

export async function actorsCommand(options: Looking): Promise<number> {
  const found = nothingHere(options) ? [] : await looking(options, ({ bus }) => findActors(bus))
  if (options.json === true) for (const actor of found) printJson('actor', { actor })
  else process.stdout.write(`${actorsText(found)}\n`)
  return exitCodes.done
}

const unknown = '?'

/** A row a name that is served, and one for each driver and worker. */
export function actorsText(found: readonly FoundActor[]): string {
  if (found.length === 0) return 'no actors'
  const head = ['role', 'name', 'options', 'language', 'versions', 'load', 'host', 'heard', 'id']
  const rows = found.flatMap((actor) => namesOf(actor).map((name) => rowOf(actor, name)))
  const silent = found.filter(({ info }) => info === null).length
  const lines = [table(head, rows)]
  if (found.some((actor) => actor.role === 'worker' && !runsBundles(actor.info))) {
    lines.push(
      pc.dim(
        'Workers of own code run functions that were started with them: nothing isolates their trials, and no signature is asked for.',
      ),
    )
  }
  if (silent > 0) {
    lines.push(
      pc.dim(
        `${silent} of them ${silent === 1 ? 'beats' : 'beat'} and did not say who ${silent === 1 ? 'it is' : 'they are'}`,
      ),
    )
  }
  lines.push(
    pc.dim('An actor in another language that does not answer roll-calls works all the same, and is not listed.'),
  )
  return lines.join('\n')
}

interface Named {
  readonly name: string
  readonly options: string
}

function namesOf(actor: FoundActor): readonly Named[] {
  if (actor.role === 'worker') return [{ name: '-', options: codeOf(actor.info) }]
  if (actor.info === null || actor.info.serves.length === 0) return [{ name: '-', options: '-' }]
  return actor.info.serves.map(({ name, options }) => ({ name, options: optionsText(options) }))
}

const runsBundles = ({ can }: WorkerInfo): boolean => can?.includes('bundle') === true

/** Whose code a worker runs. */
function codeOf(info: WorkerInfo): string {
  if (!runsBundles(info)) return 'own code'
  return info.trusts === undefined ? 'any code' : `code signed by ${info.trusts.length} keys`
}

function rowOf(actor: FoundActor, { name, options }: Named): string[] {
  const { role, id, heardMs, info } = actor
  const versions =
    info?.versions === undefined
      ? unknown
      : Object.entries(info.versions)
          .map((each) => each.join(' '))
          .join(', ')
  return [
    role,
    name,
    options,
    languageOf(actor),
    versions === '' ? unknown : versions,
    loadOf(actor),
    info?.host ?? unknown,
    `${duration(heardMs)} ago`,
    id,
  ].map(visible)
}

/** A worker does not say its language; its versions do. */
function languageOf(actor: FoundActor): string {
  if (actor.role !== 'worker') return actor.info?.language ?? unknown
  const versions = actor.info?.versions ?? {}
  if ('node' in versions) return 'TypeScript'
  return 'python' in versions ? 'Python' : unknown
}

function loadOf(actor: FoundActor): string {
  if (actor.role === 'worker') {
    const { slots, draining } = actor.status
    const busy = slots.filter(({ running }) => running !== null).length
    return `${busy} of ${slots.length} slots${draining ? ', draining' : ''}`
  }
  const load = actor.info?.load
  const experiments = actor.role === 'driver' ? (actor.experiments?.length ?? load?.experiments) : load?.experiments
  if (experiments === undefined) return unknown
  const asked = load?.questions ?? 0
  return `${experiments} experiments${asked === 0 ? '' : `, ${asked} questions`}`
}

/** The names of the options in a JSON Schema. */
function optionsText(schema: Readonly<Record<string, unknown>> | undefined): string {
  if (schema === undefined) return unknown
  const { properties = {} } = schema
  const names = typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
  return names.length === 0 ? 'none' : names.join(' ')
}
