/** The optimizer or ablator that is asked again: a built-in one in this process, or one that is served on the bus. */
import {
  builtinOptimizers,
  isProblem,
  observe,
  open,
  problem,
  suggest,
  type AblationContext,
  type AblationObservation,
  type Fidelity,
  type Hparams,
  type OptimizationContext,
  type Plugin,
  type Submission,
} from '../../protocol/index.ts'
import { builtinAblators } from '../ablation/index.ts'
import { createAblation } from '../ablator/index.ts'
import { ask, type Bus } from '../bus/index.ts'
import { earlierTrials, searchOf, type Observed } from '../history/index.ts'
import { createSession } from '../optimizer/index.ts'
import { builtinSamplers } from '../samplers/index.ts'
import { builtinSchedulers } from '../schedulers/index.ts'
import { withFixed } from '../space/index.ts'
import { servedBy } from '../words/index.ts'

/** A trial as it was, or would have been, suggested. */
export interface Proposed {
  readonly hparams: Hparams
  readonly fidelity?: Fidelity
  /** In an ablation: the names of what it does without, and the repeat. */
  readonly without?: readonly string[]
  readonly repeat?: number
}

export interface Respondent {
  /** Whether what it suggests depends on results. */
  readonly adaptive: boolean
  suggest(trial: number): Promise<Proposed | 'waits' | 'has no more'>
  observe(observations: readonly Observed[]): Promise<void>
  close(): Promise<void>
}

const openingMs = 10_000
const thinkingMs = 60_000
/** Observations in one message. */
const page = 256

/** The one that the experiment names, if it is built in. */
export function builtinRespondent({ context }: Submission): Respondent | undefined {
  if (context.kind === 'training') return trainingAlone
  return context.kind === 'ablation' ? builtinAblator(context) : builtinOptimizer(context, context.optimizer)
}

/** Another optimizer than the one that was asked: a built-in, or one that is served. Rejects with OPTIMIZER_UNAVAILABLE, OPTIMIZER_UNFIT. */
export async function otherRespondent(
  bus: Bus,
  { experiment, context }: Submission,
  plugin: Plugin,
): Promise<Respondent> {
  if (context.kind !== 'optimization') {
    const reason = `${experiment} is no search: ${context.kind === 'ablation' ? 'an ablator' : 'nobody'} said what to run`
    throw problem('OPTION_INVALID', { option: '--optimizer', reason })
  }
  return builtinOptimizer(context, plugin) ?? (await served(bus, context, plugin))
}

/** A training is one trial, with the hparams that it was given. */
const trainingAlone: Respondent = {
  adaptive: false,
  suggest: (trial) => Promise.resolve(trial === 0 ? { hparams: {} } : 'has no more'),
  observe: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

function builtinOptimizer(context: OptimizationContext, plugin: Plugin): Respondent | undefined {
  const found = builtinSamplers.get(plugin.name) ?? builtinSchedulers.get(plugin.name)
  if (found === undefined) return undefined
  const session = createSession(found, { ...searchOf(context, plugin), history: earlierTrials(context) })
  return {
    adaptive: found.adaptive,
    async suggest(trial) {
      return proposed(await session.suggest(trial, 1))
    },
    observe(observations) {
      session.observe(observations)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
}

function proposed({
  hparams,
  fidelities,
  waiting,
}: {
  hparams: Hparams[]
  fidelities?: Fidelity[]
  waiting?: boolean
}) {
  const [first] = hparams
  if (first === undefined) return waiting === true ? 'waits' : 'has no more'
  const fidelity = fidelities?.[0]
  return { hparams: first, ...(fidelity === undefined ? {} : { fidelity }) }
}

function builtinAblator(context: AblationContext): Respondent | undefined {
  const { ablator, components, repeats, objectives, seed } = context
  const found = builtinAblators.get(ablator.name)
  if (found === undefined) return undefined
  const setting = { components, repeats, objectives, seed, options: ablator.options, history: [] }
  const session = createAblation(found, setting)
  return {
    adaptive: true,
    async suggest(trial) {
      const { removals, exhausted } = await session.suggest(trial, 1)
      const [removal] = removals
      if (removal === undefined) return exhausted ? 'has no more' : 'waits'
      return { hparams: {}, without: removal.without, repeat: removal.repeat }
    },
    observe(observations) {
      session.observe(observations.map(removalOf))
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  }
}

function removalOf({ trial, state, metrics, step, ablated }: Observed): AblationObservation {
  const without = ablated?.components.map(({ name }) => name) ?? []
  return { trial, without, repeat: ablated?.repeat ?? 0, state, metrics, step }
}

async function served(bus: Bus, context: OptimizationContext, plugin: Plugin): Promise<Respondent> {
  const optimizer = plugin.name
  // A name of its own: the optimizer may have the experiment itself open.
  const experiment = `replay-${crypto.randomUUID()}`
  const opening = { experiment, ...searchOf(context, plugin), history: earlierTrials(context) }
  const { instance, adaptive } = await ask(bus, open, { optimizer }, opening, { timeoutMs: openingMs }).catch(
    (error: unknown) => {
      if (!isProblem(error, 'BUS_NO_RESPONDERS')) throw error
      const hint = servedBy('maggy optimizer', builtinOptimizers, optimizer)
      throw problem('OPTIMIZER_UNAVAILABLE', { optimizer, hint })
    },
  )
  const tell = async (observations: readonly Observed[], closed: boolean) => {
    const said = { experiment, observations: [...observations], closed }
    await ask(bus, observe, { optimizer, instance }, said, { timeoutMs: openingMs })
  }
  return {
    adaptive,
    async suggest(trial) {
      const question = { experiment, trial, count: 1 }
      const reply = await ask(bus, suggest, { optimizer, instance }, question, { timeoutMs: thinkingMs })
      const fixed = context.enqueue?.[trial] ?? {}
      return proposed({ ...reply, hparams: reply.hparams.map((hparams) => withFixed(context.space, fixed, hparams)) })
    },
    async observe(observations) {
      for (let from = 0; from < observations.length; from += page)
        await tell(observations.slice(from, from + page), false)
    },
    close: () => tell([], true),
  }
}
