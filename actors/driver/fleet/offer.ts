/** What a worker offers, and what an experiment asks of one. Pure. */
import { own, type Capability, type Submission, type WorkerInfo } from '../../../protocol/index.ts'

export interface Offer {
  readonly worker: string
  readonly labels: Readonly<Record<string, string>>
  readonly can: readonly Capability[]
  /** Experiments, by their names, that it runs by code of its own. */
  readonly experiments: readonly string[]
  /** Keys: it runs only what one of them has signed. Undefined: whatever it is given. */
  readonly trusts?: readonly string[] | undefined
}

/** A worker that does not say what it can do is asked for nothing but plain trials. */
export function offerOf(info: WorkerInfo | null): Offer {
  const { worker = '', labels = {}, can = [], experiments = [], trusts } = info ?? {}
  return { worker, labels, can, experiments, trusts }
}

export interface Wish {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Whether its code is on the bus. */
  readonly hasCode: boolean
  /** What its trials ask for beside that. */
  readonly needs: readonly Capability[]
  /** Whose signature it has that is good now. */
  readonly key: string | undefined
}

/** `continues`: its trials go on from checkpoints. `key`: whose signature it has that is good now. */
export function wishOf({ name, context, bundle }: Submission, continues: boolean, key?: string): Wish {
  const needs: Capability[] = []
  if (context.kind === 'ablation') needs.push('ablated')
  if ('ring' in context && context.ring !== undefined) needs.push('ring')
  if (continues) needs.push('resumeFrom')
  return { name, labels: context.policy.labels, hasCode: bundle !== undefined, needs, key }
}

/** Whether a worker may have trials of an experiment: none is asked for more than it can do. */
export function fits(offer: Offer, wish: Wish): boolean {
  return isTrusted(offer, wish) && fitsIfTrusted(offer, wish)
}

/** Whether it would fit if its code were signed by a key that the worker trusts. */
export function fitsIfTrusted({ labels, can, experiments }: Offer, wish: Wish): boolean {
  const hasLabels = Object.entries(wish.labels).every(([name, value]) => own(labels, name) === value)
  const hasCode = (wish.hasCode && can.includes('bundle')) || experiments.includes(wish.name)
  return hasLabels && hasCode && wish.needs.every((need) => can.includes(need))
}

const isTrusted = ({ trusts }: Offer, { key }: Wish): boolean =>
  trusts === undefined || (key !== undefined && trusts.includes(key))

/** For people: ` with the labels gpu=yes that can do ring`. */
export function wanted({ name, labels, hasCode, needs }: Wish): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  return [
    ...(pairs.length === 0 ? [] : [` with the labels ${pairs.join(', ')}`]),
    ...(hasCode ? [] : [` that runs the experiment ${name} by code of its own`]),
    ...(needs.length === 0 ? [] : [` that can do ${needs.join(', ')}`]),
  ].join('')
}
