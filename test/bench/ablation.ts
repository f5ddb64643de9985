/** A study whose answer is known: whether the ablation finds it, over five repeats. */
import { withComponents } from '../../src/client/index.ts'
import { resultOf } from '../../src/store/index.ts'
import { startSystem } from '../support/system.ts'
import type { Report } from './main.ts'
import known from './modules/ablation-known.ts'
import { round } from './statistics.ts'
import { moduleFile } from './trials.ts'

export async function ablation(say: (line: string) => void): Promise<Report> {
  const system = await startSystem()
  try {
    await system.actor('driver')
    await system.actor('ablator')
    await system.workers(2)
    const context = await withComponents(known, known.contexts.ablate)
    say(`${context.context.trials} trials on 2 workers`)
    await system.submit(moduleFile('ablation-known'), context, 'known')
    const events = await system.ended('known')
    const result = resultOf('known', events)
    const { ablation } = result
    if (ablation === undefined) throw new Error('no ablation')
    const { base, components } = ablation
    for (const { without, delta, error, pHolm, verdict } of components) {
      say(
        `${without.join()}: ${round(delta ?? NaN, 4)} ± ${round(error ?? NaN, 4)}, p ${round(pHolm ?? NaN, 4)}, ${verdict}`,
      )
    }
    const identity = components.find(({ without }) => without[0] === 'layer:identity')
    const idle = components.filter(({ without }) => /feature:x[124567]/.test(without[0] ?? ''))
    const within = (one: (typeof components)[number]) => Math.abs(one.delta ?? NaN) <= (one.error ?? 0)
    return {
      figures: {
        trials: result.counts.done,
        seconds: round((result.durationMs ?? 0) / 1000, 1),
        baseLoss: round(base.mean ?? NaN, 4),
        missedFirst: components[0]?.without.join() ?? '',
        missedSecond: components[1]?.without.join() ?? '',
        identityDelta: round(identity?.delta ?? NaN, 4),
        identityError: round(identity?.error ?? NaN, 4),
        identityWithin: identity !== undefined && within(identity) ? 1 : 0,
        uselessFeaturesWorse: idle.filter(({ verdict }) => verdict === 'worse').length,
      },
      bars: {
        trials: '55',
        missedFirst: 'feature:x0',
        missedSecond: 'feature:x3',
        identityWithin: '1',
        uselessFeaturesWorse: '0',
      },
    }
  } finally {
    await system.stop()
  }
}
