/** The seed of a trial: it follows from the experiment's seed and the trial alone. */
import type { Ablated, Context } from '../../protocol/index.ts'
import { deriveSeed } from '../random/index.ts'

/** The trials of one repeat of an ablation share their seed: what differs is what they do without. */
export function seedOf({ seed }: Pick<Context, 'seed'>, trial: number, ablated: Ablated | undefined): number {
  return ablated === undefined ? deriveSeed(seed, 'trial', trial) : deriveSeed(seed, 'repeat', ablated.repeat)
}
