/** One search of one contestant on one problem, with asynchronous workers in simulated time, and its regret as it goes. */
import type { Hparams } from '../../../protocol/index.ts'
import { hypervolume } from '../../../src/pareto/index.ts'
import { createRandom } from '../../../src/random/index.ts'
import type { Contestant } from './contestants.ts'
import type { Problem } from './problem.ts'

export const checkpoints = [25, 50, 100, 200] as const

export interface Outcome {
  /** Regret after so many trials: the truth of the trial with the best value, less the least truth; or the hypervolume that lacks. The last is at the end. */
  readonly curve: readonly { readonly trials: number; readonly regret: number }[]
  /** The share of trials that repeat hparams. */
  readonly repeats: number
}

interface Running {
  readonly trial: number
  readonly hparams: Hparams
  readonly ends: number
}

export async function searched(
  contestant: Contestant,
  problem: Problem,
  seed: number,
  workers: number,
): Promise<Outcome> {
  const { measure, truth, ideal } = problem.instance(seed)
  const search = await contestant.open(problem, seed, workers)
  const running: Running[] = []
  const asked = new Set<string>()
  const reached: (readonly number[])[] = []
  const curve: Outcome['curve'][number][] = []
  let best = { value: Infinity, regret: Number.NaN }
  let next = 0
  let now = 0
  const begin = async (): Promise<void> => {
    const trial = next++
    const hparams = await search.ask(trial)
    if (hparams === undefined) throw new Error(`${contestant.name} has no more trials`)
    asked.add(JSON.stringify(hparams))
    // Durations are log-normal, so that some take many times as long as others.
    const takes = Math.exp(createRandom('duration', problem.name, seed, trial).normal())
    running.push({ trial, hparams, ends: now + takes })
  }
  // Where nothing has come to a value yet, the regret is that of random search at its worst: it is filled in by the score.
  for (let ended = 0; ended < problem.trials; ended++) {
    while (running.length < workers && next < problem.trials) await begin()
    const first = running.reduce((one, other) => (other.ends < one.ends ? other : one))
    running.splice(running.indexOf(first), 1)
    now = first.ends
    const { trial, hparams } = first
    const values = measure(hparams, createRandom('noise', problem.name, seed, trial))
    await search.tell(trial, hparams, values)
    if (values !== undefined && problem.corner !== undefined) {
      reached.push(truth(hparams))
    } else if (values !== undefined && (values[0] as number) < best.value) {
      best = { value: values[0] as number, regret: (truth(hparams)[0] as number) - ideal }
    }
    if (!checkpoints.includes((ended + 1) as 25) && ended + 1 !== problem.trials) continue
    const regret = problem.corner === undefined ? best.regret : ideal - hypervolume(reached, problem.corner)
    curve.push({ trials: ended + 1, regret })
  }
  return { curve, repeats: 1 - asked.size / problem.trials }
}
