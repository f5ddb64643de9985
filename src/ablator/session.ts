/**
 * One ablation as an ablator knows it: its history, with its own suggestions as pending until they are observed.
 * I1 A trial that is asked for again (the driver lost the reply) does without what it did without before.
 * I2 Nothing but components of the study is left out, and each once.
 * I3 Questions are answered one after the other, so each counts the one before it as pending.
 */
import {
  describe,
  isProblem,
  problem,
  type AblationObservation,
  type Component,
  type Objective,
  type Removal,
} from '../../protocol/index.ts'
import type { AblationQuestion, AblatorPlugin, AblatorSetting } from '../ablation/index.ts'

type Said = Removal | 'wait' | 'exhausted'

/** What the ablator actor runs: every AblatorPlugin is one; this may take its time. */
export interface ServedAblator extends Omit<AblatorPlugin, 'create' | 'most'> {
  create(setting: AblatorSetting): (question: AblationQuestion) => Said | Promise<Said>
}

export interface AblationSetting {
  readonly components: readonly Component[]
  readonly repeats: number
  readonly objectives: readonly Objective[]
  readonly options: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly impossible?: readonly (readonly string[])[]
  readonly history: readonly AblationObservation[]
}

interface Removals {
  readonly removals: Removal[]
  readonly exhausted: boolean
}

export interface AblationSession {
  /** Trials in the history, pending ones among them. */
  readonly size: number
  /** For `count` trials from `trial` on; fewer when there are no more or when results must come in. Rejects with ABLATOR_MISBEHAVED, ABLATOR_BUSY. */
  suggest(trial: number, count: number): Promise<Removals>
  observe(observations: readonly AblationObservation[]): void
}

/** Questions about one experiment that wait for an answer; a driver has one or two under way. */
const mostWaiting = 256

/** Throws what the plug-in's `create` throws: ABLATOR_UNFIT. */
export function createAblation(plugin: ServedAblator, setting: AblationSetting): AblationSession {
  const { history: told, ...rest } = setting
  const { components, repeats, objectives } = rest
  const names = new Set(components.map(({ name }) => name))
  const misbehaved = (reason: string, cause?: unknown) =>
    problem('ABLATOR_MISBEHAVED', { ablator: plugin.name, reason }, { cause })
  /** Whatever a plug-in throws is its own fault, unless it says that it cannot take the experiment. */
  const blame = (error: unknown) =>
    isProblem(error, 'ABLATOR_UNFIT', 'ABLATOR_MISBEHAVED') ? error : misbehaved(`it threw ${describe(error)}`, error)

  let ablator: ReturnType<ServedAblator['create']>
  try {
    ablator = plugin.create(rest)
  } catch (error) {
    throw blame(error)
  }
  const known = new Map(told.map((observation) => [observation.trial, observation]))
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  const one = async (trial: number): Promise<Said> => {
    const before = known.get(trial)
    if (before !== undefined) return { without: before.without, repeat: before.repeat }
    const history = [...known.values()].sort((a, b) => a.trial - b.trial)
    let said: unknown
    try {
      said = await ablator({ components, repeats, objectives, history, trial })
    } catch (error) {
      throw blame(error)
    }
    if (said === 'wait' || said === 'exhausted') return said
    const removal = checked(said)
    // What was observed meanwhile stands.
    if (!known.has(trial)) known.set(trial, { trial, ...removal, state: 'pending', metrics: {}, step: null })
    return removal
  }

  const checked = (said: unknown): Removal => {
    const { without, repeat = 0 } = (typeof said === 'object' && said !== null ? said : {}) as Partial<Removal>
    if (!Array.isArray(without)) throw misbehaved('it names no components to leave out: { without: [] } is the base')
    const unknown = without.find((name) => !names.has(name))
    if (unknown !== undefined) throw misbehaved(`it leaves out ${unknown}; there are ${[...names].join(', ')}`)
    if (new Set(without).size < without.length) throw misbehaved('it leaves out the same component twice')
    if (!Number.isSafeInteger(repeat) || repeat < 0 || repeat >= repeats)
      throw misbehaved(`repeat ${String(repeat)}; there are 0 to ${repeats - 1}`)
    return { without: [...without], repeat }
  }

  const several = async (trial: number, count: number): Promise<Removals> => {
    const removals: Removal[] = []
    for (let next = trial; next < trial + count; next += 1) {
      const said = await one(next)
      if (said === 'wait' || said === 'exhausted') return { removals, exhausted: said === 'exhausted' }
      removals.push(said)
    }
    return { removals, exhausted: false }
  }

  return {
    get size() {
      return known.size
    },
    suggest(trial, count) {
      if (waiting >= mostWaiting) return Promise.reject(problem('ABLATOR_BUSY', { ablator: plugin.name, waiting }))
      waiting += 1
      const answer = last.then(() => several(trial, count)).finally(() => (waiting -= 1))
      last = answer.catch(() => undefined)
      return answer
    },
    observe(observations) {
      for (const observation of observations) known.set(observation.trial, observation)
    },
  }
}
