/**
 * One ablation as an ablator knows it.
 * I1 Nothing but components of the study is left out, and each once.
 */
import {
  problem,
  type AblationObservation,
  type Component,
  type Objective,
  type Removal,
} from '../../protocol/index.ts'
import type { AblationQuestion, AblatorPlugin, AblatorSetting } from '../ablation/index.ts'
import { guardOf, sessionOf } from '../suggester/index.ts'

type Said = Removal | 'wait' | 'exhausted'

/** The form of ablator that the actor runs: every AblatorPlugin has it; its answers may take their time. */
export interface ServedAblator extends Omit<AblatorPlugin, 'create' | 'most'> {
  /** Its options as a JSON Schema, for people who choose. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Sentences that tell people which choices it made, and why. */
  notes?(setting: AblatorSetting): readonly string[]
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
  /** Notes of the plug-in for people. */
  readonly notes?: readonly string[]
  /** Trials in the history, pending ones among them. */
  readonly size: number
  /** For `count` trials from `trial` on; fewer when there are no more or when results must come in. Rejects with ABLATOR_MISBEHAVED, ABLATOR_BUSY. */
  suggest(trial: number, count: number): Promise<Removals>
  observe(observations: readonly AblationObservation[]): void
}

/** Throws what the plug-in's `create` throws: ABLATOR_UNFIT. */
export function createAblation(plugin: ServedAblator, setting: AblationSetting): AblationSession {
  const { history: told, ...rest } = setting
  const { components, repeats, objectives } = rest
  const { name: ablator } = plugin
  const misbehaved = (reason: string, cause?: unknown) => problem('ABLATOR_MISBEHAVED', { ablator, reason }, { cause })
  const guard = guardOf(['ABLATOR_UNFIT', 'ABLATOR_MISBEHAVED'], misbehaved)
  const names = new Set(components.map(({ name }) => name))
  const leaveOut = guard.now(() => plugin.create(rest))
  const notes = guard.now(() => plugin.notes?.(rest) ?? [])

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

  const session = sessionOf<AblationObservation, Removal>({
    history: told,
    async suggest(trial, history) {
      const said = await guard.later(() => leaveOut({ components, repeats, objectives, history, trial }))
      return said === 'wait' || said === 'exhausted' ? said : checked(said)
    },
    suggestionOf: ({ without, repeat }) => ({ without, repeat }),
    pending: (trial, removal) => ({ trial, ...removal, state: 'pending', metrics: {}, step: null }),
    busy: (waiting) => problem('ABLATOR_BUSY', { ablator, waiting }),
  })

  return {
    ...(notes.length === 0 ? {} : { notes }),
    get size() {
      return session.size
    },
    async suggest(trial, count) {
      const { suggestions, end } = await session.suggest(trial, count)
      return { removals: [...suggestions], exhausted: end === 'exhausted' }
    },
    observe: (observations) => session.observe(observations),
  }
}
