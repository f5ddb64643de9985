/**
 * Two samplers that take turns, and how often each has its turn is reconsidered as trials come in: a Gaussian process has two turns of
 * three while it foretells trials that it was not shown, and one of three when it does not. It depends on the history alone.
 */
import type { Objective, Observation, SearchSpace } from '../../protocol/index.ts'
import { cubeOf } from '../space/index.ts'
import { standardized } from './gp/gp.ts'
import { groupsOf } from './gp/process.ts'
import { skillOf } from './gp/skill.ts'
import { createLedger } from './ledger.ts'
import type { Sampler } from './sampler.ts'

/** Reconsidered when so many trials have come to a value. */
const usualOccasions = [20, 30, 45, 70, 105, 160, 240]
/** Below this the process knows next to nothing. */
const leastSkill = 0.15
/** The skill is judged on at most so many trials, spread evenly over the ranks. */
const mostJudged = 60

export interface Judgement {
  /** How many trials it was judged by. */
  readonly trials: number
  /** The last of them. */
  readonly last: number
  readonly skill: number
  readonly trusted: boolean
}

/** Judges the process on the trials with a value, at each occasion so far; remembers what it worked out. */
export function judge(space: SearchSpace, objective: Objective | undefined, occasions = usualOccasions) {
  const cube = cubeOf(space)
  const groups = groupsOf(cube)
  const ledger = createLedger(objective, ({ hparams }) => cube.toCube(hparams))
  const known = new Map<number, { readonly basis: readonly Observation[]; readonly judgement: Judgement }>()
  const at = (count: number): Judgement => {
    const valued = ledger.entries.filter(({ standing }) => standing === 'done').slice(0, count)
    const last = known.get(count)
    if (last !== undefined && valued.every(({ observation }, index) => observation === last.basis[index])) {
      return last.judgement
    }
    const ranked = valued.toSorted((one, other) => one.loss - other.loss || one.trial - other.trial)
    const stride = Math.max(1, ranked.length / mostJudged)
    const used = Array.from(
      { length: Math.min(mostJudged, ranked.length) },
      (_, index) => ranked[Math.floor(index * stride)],
    ).filter((entry) => entry !== undefined)
    const values = standardized(used.map(({ loss }) => loss))
    const skill = skillOf({ points: used.map(({ row }) => row), groups }, values)
    const judgement = { trials: count, last: valued.at(-1)?.trial ?? -Infinity, skill, trusted: skill >= leastSkill }
    known.set(count, { basis: valued.map(({ observation }) => observation), judgement })
    return judgement
  }
  return {
    /** The latest judgement; undefined before the first occasion. */
    latest(history: readonly Observation[]): Judgement | undefined {
      ledger.show(history)
      const count = occasions.findLast((occasion) => occasion <= ledger.done)
      return count === undefined ? undefined : at(count)
    },
    /** All of them, in their order. */
    all(history: readonly Observation[]): readonly Judgement[] {
      ledger.show(history)
      return occasions.filter((occasion) => occasion <= ledger.done).map(at)
    },
  }
}

/** `model` has two turns of three while it is trusted, one of three when it is not; `other` has the rest. */
export function takingTurns(
  space: SearchSpace,
  objective: Objective | undefined,
  model: Sampler,
  other: Sampler,
): Sampler {
  const judged = judge(space, objective)
  return (question) => {
    const trusted = judged.latest(question.history)?.trusted ?? true
    const turn = (question.point ?? question.trial) % 3
    return (trusted ? turn !== 2 : turn === 0) ? model(question) : other(question)
  }
}
