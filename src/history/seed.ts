/** The seed of a trial: it follows from the experiment's seed and the trial alone. */
import type { Ablated, Context } from '../../protocol/index.ts'
import { deriveSeed } from '../random/index.ts'

/** Trials of one repeat share their seed, in an ablation and in a search: what differs is what is compared. */
export function seedOf(
  { seed, repeats = 1, kind }: Pick<Context, 'seed' | 'kind'> & { readonly repeats?: number | undefined },
  trial: number,
  ablated: Ablated | undefined,
): number {
  if (ablated !== undefined) return deriveSeed(seed, 'repeat', ablated.repeat)
  if (kind === 'optimization' && repeats > 1) return deriveSeed(seed, 'repeat', trial % repeats)
  return deriveSeed(seed, 'trial', trial)
}
