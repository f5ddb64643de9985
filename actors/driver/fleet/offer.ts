/** What a worker offers, and what an experiment asks of one. Pure. */
import { own, type Capability, type Submission, type WorkerInfo } from '../../../protocol/index.ts'

export interface Offer {
  readonly labels: Readonly<Record<string, string>>
  readonly can: readonly Capability[]
  /** Experiments, by their names, that it runs by code of its own. */
  readonly experiments: readonly string[]
}

/** A worker that does not say what it can do is asked for nothing but plain trials. */
export function offerOf(info: WorkerInfo | null): Offer {
  return { labels: info?.labels ?? {}, can: info?.can ?? [], experiments: info?.experiments ?? [] }
}

export interface Wish {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Whether its code is on the bus. */
  readonly hasCode: boolean
  /** What its trials ask for beside that. */
  readonly needs: readonly Capability[]
}

/** `continues`: its trials go on from checkpoints. */
export function wishOf({ name, context, bundle }: Submission, continues: boolean): Wish {
  const needs: Capability[] = []
  if (context.kind === 'ablation') needs.push('ablated')
  if ('ring' in context && context.ring !== undefined) needs.push('ring')
  if (continues) needs.push('resumeFrom')
  return { name, labels: context.policy.labels, hasCode: bundle !== undefined, needs }
}

/** Whether a worker may have trials of an experiment: none is asked for more than it can do. */
export function fits({ labels, can, experiments }: Offer, wish: Wish): boolean {
  const hasLabels = Object.entries(wish.labels).every(([name, value]) => own(labels, name) === value)
  const hasCode = (wish.hasCode && can.includes('bundle')) || experiments.includes(wish.name)
  return hasLabels && hasCode && wish.needs.every((need) => can.includes(need))
}

/** For people: ` with the labels gpu=yes that can do ring`. */
export function wanted({ name, labels, hasCode, needs }: Wish): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  return [
    ...(pairs.length === 0 ? [] : [` with the labels ${pairs.join(', ')}`]),
    ...(hasCode ? [] : [` that runs the experiment ${name} by code of its own`]),
    ...(needs.length === 0 ? [] : [` that can do ${needs.join(', ')}`]),
  ].join('')
}
