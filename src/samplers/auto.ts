/**
 * Chooses a sampler by the space, the budget, the objectives and the number of trials that run at once, and reconsiders as trials come in.
 * While trials are on a plateau, new ones fill the space (./filling.ts). It says which one it chose, and why; and after the trials, when it
 * changed its mind, which follows from the history alone. It has no options: a user who wants to choose names a sampler instead.
 */
import type { SearchSpace } from '../../protocol/index.ts'
import { countOf, cubeOf, enumerate, relationsOf } from '../space/index.ts'
import { goodAmong, spentPoints, usualTries } from './again.ts'
import { cmaesSampler } from './cmaes/cmaes.ts'
import { plateau, withFilling } from './filling.ts'
import { finishBegins, hasFinish, withFinish } from './finish.ts'
import { gpSampler } from './gp/gp.ts'
import { gridSampler } from './grid.ts'
import { createLedger } from './ledger.ts'
import { motpeSampler } from './motpe.ts'
import { nsga2Sampler } from './nsga2.ts'
import { refuseUnknown } from './options.ts'
import { randomSampler } from './random.ts'
import type { Sampler, SamplerPlugin, SamplerSetting } from './sampler.ts'
import { fitsSobol, sobolSampler } from './sobol.ts'
import { tpeSampler } from './tpe.ts'

import { triedPoints } from './tried.ts'
import { judge, takingTurns } from './turns.ts'

interface Choice {
  readonly plugin: SamplerPlugin
  readonly why: string
  /** All points of the space come first. */
  readonly allPointsFirst?: boolean
  /** It takes turns with the first: where the valley is not as smooth as the first takes it to be, or where there are several objectives. */
  readonly beside?: SamplerPlugin
  /** The search ends near its best trial. */
  readonly finish?: boolean
}

/** Up to here a Gaussian process is worth its time, and better than the others. Columns: a categorical has one for each choice. */
const mostForGp = { parameters: 20, columns: 60, trials: 300 }

/**
 * Up to here a model of several objectives takes turns with a population that evolves: together they find more than either alone (bench
 * quality, family several, at 100 and 200 trials). Beyond, the model takes more time.
 */
const mostForModel = 500

const modelOfSeveral = motpeSampler(() => new Map([[tpeSampler.name, tpeSampler]]))

/** The sampler, and why; the first reason that holds decides. */
export function choose(setting: SamplerSetting): Choice {
  const { space, objectives, trials, parallel = 1 } = setting
  const points = isListed(space) ? (enumerate(space)?.size ?? Infinity) : Infinity
  const varying = Object.values(space).filter((parameter) => countOf(parameter) > 1)
  const categorical = varying.filter(({ type }) => type === 'categorical').length
  const columns = cubeOf(space).size
  if (varying.length === 0) return { plugin: randomSampler, why: 'nothing in the space varies' }
  const several = objectives.length > 1
  if (points <= trials) {
    const why = `all ${points} points of the space come first, for there are ${trials} trials`
    return { plugin: several ? modelOfSeveral : tpeSampler, why, allPointsFirst: true }
  }
  if (trials > 1 && parallel >= trials && fitsSobol(space)) {
    return { plugin: sobolSampler, why: `all ${trials} trials at once leave nothing to learn from` }
  }
  const { conditional } = relationsOf(space)
  if (several) {
    const aims = `there are ${objectives.length} objectives`
    if (conditional) return { plugin: modelOfSeveral, why: `${aims}, and the space has conditions` }
    return trials <= mostForModel
      ? { plugin: modelOfSeveral, beside: nsga2Sampler, why: `${aims}, and ${trials} trials are few` }
      : { plugin: nsga2Sampler, why: `${aims}, and ${trials} trials are many` }
  }
  const isSmall = varying.length <= mostForGp.parameters && columns <= mostForGp.columns
  if (isSmall && trials <= mostForGp.trials) {
    return {
      plugin: gpSampler,
      beside: hasFinish(setting) ? cmaesSampler : tpeSampler,
      finish: hasFinish(setting),
      why: `${trials} trials in ${varying.length} parameters are few`,
    }
  }
  if (conditional) return { plugin: tpeSampler, why: 'the space has conditions' }
  if (categorical === 0 && trials > mostForGp.trials && varying.length <= 100) {
    return { plugin: cmaesSampler, why: `there are only numbers, and ${trials} trials are many` }
  }
  const categories = `${categorical} of ${varying.length} parameters are categories`
  return { plugin: tpeSampler, why: categorical > 0 ? categories : `${varying.length} parameters are many` }
}

/** Whether its points are few enough to be gone through. */
const isListed = (space: SearchSpace): boolean => {
  const product = Object.values(space).reduce((size, parameter) => size * countOf(parameter), 1)
  return product <= 100_000
}

export const autoSampler: SamplerPlugin = {
  name: 'auto',
  adaptive: true,
  create(setting) {
    refuseUnknown('auto', setting.options, [])
    const { plugin, allPointsFirst = false, beside, finish = false } = choose(setting)
    const main = plugin.create({ ...setting, options: {} })
    const other = beside?.create({ ...setting, options: {} })
    const both = other === undefined ? main : inTurns(main, other, setting)
    const ended = finish ? withFinish(setting, both) : both
    const filled = plugin.adaptive && setting.objectives.length === 1 ? withFilling(setting, ended) : ended
    const chosen = withoutRepeats(setting, filled)
    if (!allPointsFirst) return chosen
    const all = gridSampler.create({ ...setting, options: { order: 'shuffled' } })
    return (question) => {
      const point = all(question)
      return point === 'exhausted' ? chosen(question) : point
    }
  },
  notes(setting) {
    const { plugin, why, beside, finish = false } = choose(setting)
    const turn = setting.objectives.length > 1 ? 'second' : 'third'
    const also = beside === undefined ? '' : `, and ${beside.name} for every ${turn} trial`
    const end = finish ? `; from trial ${finishBegins(setting)} on most trials are near the best one` : ''
    return [`auto chose ${plugin.name}${also}: ${why}${end}`]
  },
  told(setting, history) {
    const { plugin, beside } = choose(setting)
    if (beside === undefined || setting.objectives.length > 1) return []
    const partOf = plateau(setting.space, setting.objectives[0])
    let trusted = true
    const latest = history.at(-1)?.trial ?? -Infinity
    return judge(setting.space, setting.objectives[0])
      .all(history)
      .flatMap((judgement) => {
        // After the last trial nothing is chosen any more.
        if (judgement.trusted === trusted || judgement.last >= latest) return []
        trusted = judgement.trusted
        const explains = `leaving one out, a Gaussian process explains ${Math.max(0, Math.round(100 * judgement.skill))} % of the variance`
        const part = partOf(history.filter(({ trial }) => trial <= judgement.last))
        const instead =
          trusted || part === 0 ? '' : `; while so little is known, ${Math.round(100 * part)} % fill the space`
        const [most, least] = trusted ? [plugin.name, beside.name] : [beside.name, plugin.name]
        return [
          `auto changed its mind after ${judgement.trials} trials: ${most} has two trials of three, ${least} one: ${explains}${instead}`,
        ]
      })
  },
}

/** Both know all trials. Of several objectives, those of the model keep the population wide, and the population sharpens the front. */
function inTurns(one: Sampler, other: Sampler, { space, objectives }: SamplerSetting): Sampler {
  if (objectives.length === 1) return takingTurns(space, objectives[0], one, other)
  return (question) => ((question.point ?? question.trial) % 2 === 0 ? one(question) : other(question))
}

/** Where a point was tried often enough, TPE is asked instead, which tries none more often while there are others. */
function withoutRepeats(setting: SamplerSetting, chosen: Sampler): Sampler {
  const several = setting.objectives.length > 1
  const triedIn = triedPoints(setting.space)
  const spentIn = spentPoints(setting.space, several ? 1 : usualTries)
  const ledger = createLedger(setting.objectives[0], () => undefined)
  const fresh = (several ? modelOfSeveral : tpeSampler).create({ ...setting, options: {} })
  return (question) => {
    const hparams = chosen(question)
    if (hparams === 'exhausted') return hparams
    const { history, tried = history } = question
    const isTried = triedIn(tried)
    if (!isTried(hparams)) return hparams
    ledger.show(history)
    const isSpent = spentIn({ ledger, good: goodAmong(ledger.ranked.length), tried, isTried })
    return isSpent(hparams) ? fresh(question) : hparams
  }
}
