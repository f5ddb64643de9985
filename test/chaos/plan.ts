/** What a run does and which faults come upon it: all of it follows from a seed. Pure. */
import { createRandom, type Random } from '../../src/random/index.ts'

export const contexts = ['search', 'ablation', 'training'] as const
export type ContextName = (typeof contexts)[number]

/** What is done to a target. */
export const kinds = [
  'kill',
  'stop',
  'terminate',
  'cut',
  'hold',
  'delay',
  'throttle',
  'handles',
  'partition',
  'wipe',
  'disk',
  'clock',
] as const
export type Kind = (typeof kinds)[number]

/** Events of the log at which a fault may come. */
export const points = [
  'experiment.accepted',
  'trial.suggested',
  'trial.assigned',
  'trial.ended',
  'ring.formed',
] as const
export type Point = (typeof points)[number]

export interface Fault {
  readonly kind: Kind
  /** An actor by its name, `server` (one, chosen by `which`), `leader` (of the log), `runner`. */
  readonly target: string
  /** Which server or runner; the direction that is held, and how far a clock is set. */
  readonly which: number
  /** After so many events of this type are in the log, and so many ms more. */
  readonly point: Point
  readonly nth: number
  readonly afterMs: number
  /** How long it lasts, where it does. */
  readonly forMs: number
}

export interface Plan {
  readonly context: ContextName
  readonly faults: readonly Fault[]
}

export interface Choice {
  readonly cluster: boolean
  /** Only these kinds; none: all that can be done here. */
  readonly kinds: readonly Kind[]
}

const drivers = ['driver-1', 'driver-2'] as const
const workers = ['worker-1', 'worker-2', 'worker-3'] as const
/** Whoever has a part in it. */
const actorsOf = {
  search: [...drivers, 'suggester', ...workers],
  ablation: [...drivers, 'ablator', ...workers],
  training: [...drivers, ...workers],
} as const
const processKinds: readonly Kind[] = ['kill', 'stop', 'terminate']
const linkKinds: readonly Kind[] = ['cut', 'hold', 'delay', 'throttle']
/** Of a cluster. */
const memberKinds: readonly Kind[] = ['partition', 'wipe']
/** Faults that are over when they have come. */
const momentary: readonly Kind[] = ['kill', 'terminate', 'wipe']

/** Kinds that are drawn where none is named. */
const usual = (cluster: boolean): readonly Kind[] => kinds.filter((kind) => cluster || !memberKinds.includes(kind))

/** The plan of one run. */
export function planOf(seed: number, run: number, choice: Choice): Plan {
  const random = createRandom('chaos', seed, run)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.uniform() * from.length)] as T
  const context = pick(['search', 'search', 'ablation', 'training', 'training'] as const)
  const chosen = choice.kinds.length === 0 ? usual(choice.cluster) : choice.kinds
  const count = 1 + Math.floor(random.uniform() * 3)
  return { context, faults: Array.from({ length: count }, () => faultOf(random, context, pick(chosen), choice, pick)) }
}

function faultOf(
  random: Random,
  context: ContextName,
  kind: Kind,
  { cluster }: Choice,
  pick: <T>(from: readonly T[]) => T,
): Fault {
  const between = (low: number, high: number): number => Math.round(low + random.uniform() * (high - low))
  const point = context === 'training' ? pick(['trial.assigned', 'ring.formed'] as const) : pick(points.slice(0, 4))
  const nth = point === 'experiment.accepted' || context === 'training' ? 1 : between(1, 6)
  return {
    kind,
    target: pick(targetsOf(kind, context, cluster)),
    which: between(0, 2),
    point,
    nth,
    afterMs: context === 'training' ? between(0, 3_000) : between(0, 300),
    forMs: kind === 'stop' ? between(200, 12_000) : between(200, 5_000),
  }
}

function targetsOf(kind: Kind, context: ContextName, cluster: boolean): readonly string[] {
  const actors = actorsOf[context]
  if (processKinds.includes(kind)) {
    const all = [...actors, 'server', ...(cluster ? ['leader', 'leader'] : [])]
    return kind === 'terminate' ? all : [...all, 'runner']
  }
  if (linkKinds.includes(kind) || kind === 'handles') return [...actors, 'server']
  if (kind === 'clock') return actors
  return cluster ? ['server', 'leader'] : ['server']
}

/** A fault, for people. */
export function faultText({ kind, target, which, point, nth, afterMs, forMs }: Fault): string {
  const of = target === 'server' || target === 'runner' ? `${target} ${which}` : target
  const lasting = momentary.includes(kind) ? '' : ` for ${forMs} ms`
  return `${kind} of ${of} ${afterMs} ms after ${point} ${nth}${lasting}`
}
