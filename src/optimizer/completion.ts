/** Enqueued trials: the plug-in suggests the values that an entry leaves open. It is made anew for a space in which only these are open. */
import { isProblem, problem, type Hparams, type Observation, type SearchSpace } from '../../protocol/index.ts'
import type { Random } from '../random/index.ts'
import type { SamplerSetting } from '../samplers/index.ts'
import { contains, fixedTo, onlyPoint, sample } from '../space/index.ts'
import type { Guard } from '../suggester/index.ts'
import { isProposal, type OptimizerPlugin, type Suggestion } from './plugin.ts'

interface Entry {
  /** Its number, and the trial's. */
  readonly trial: number
  readonly history: readonly Observation[]
  readonly random: Random
}

/** Throws HPARAMS_INVALID for an entry that no point of the space has. */
export function createCompletion(
  plugin: OptimizerPlugin,
  setting: SamplerSetting,
  enqueue: readonly (Hparams | null)[],
  guard: Guard,
): (entry: Entry) => Promise<Suggestion> {
  const { schedules = false, name: optimizer } = plugin
  const narrowed = enqueue.map((hparams, index) =>
    hparams === null ? null : spaceFor(setting.space, hparams, `enqueue[${index}]`),
  )

  return async ({ trial, history, random }) => {
    const space = narrowed[trial] as SearchSpace
    const only = onlyPoint(space)
    if (only !== undefined && !schedules) return { hparams: only }
    const answer = await guard.later(async () => {
      try {
        // A scheduler begins a trial, and promotes none, for it sees nothing that has ended.
        const known = schedules ? history.filter((each) => each.trial >= 0).map(asPending) : history
        const { objectives } = setting
        const question = { space, objectives, history: known, trial, point: trial, random }
        return await plugin.create({ ...setting, space })(question)
      } catch (error) {
        // A sampler may not take a space that is so narrow.
        if (isProblem(error, 'OPTIMIZER_UNFIT')) return 'unfit'
        throw error
      }
    })
    const said = typeof answer === 'string' ? {} : isProposal(answer) ? answer.hparams : answer
    if (typeof answer === 'object' && isProposal(answer) && contains(space, said) && answer.fidelity.from === null) {
      return answer
    }
    if (schedules) {
      const reason = 'has no place: all its places for new trials are taken; enqueue fewer'
      throw problem('OPTIMIZER_UNFIT', { optimizer, path: `enqueue[${trial}]`, reason })
    }
    // A function of the user's may not look at the space that it is given.
    const hparams = { ...said, ...enqueue[trial] }
    return { hparams: contains(space, hparams) ? hparams : sample(space, random) }
  }
}

function spaceFor(space: SearchSpace, hparams: Hparams, path: string): SearchSpace {
  const made = fixedTo(space, hparams, path)
  if (made.kind === 'space') return made.space
  throw problem('HPARAMS_INVALID', { ...made.fault })
}

const asPending = (trial: Observation): Observation => ({ ...trial, state: 'pending', metrics: {}, step: null })
