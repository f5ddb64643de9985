/** What a worker offers, and what an experiment asks of one. Pure. */
import { own, type Capability, type Resources, type Submission, type WorkerInfo } from '../../../protocol/index.ts'
import { bytesText } from '../../../src/words/index.ts'

export interface Offer {
  readonly worker: string
  readonly labels: Readonly<Record<string, string>>
  readonly can: readonly Capability[]
  /** Experiments, by their names, that it runs by code of its own. */
  readonly experiments: readonly string[]
  /** Keys: it runs only what one of them has signed. Undefined: whatever it is given. */
  readonly trusts?: readonly string[] | undefined
  /** What each of its slots has: an equal part of what the worker has. */
  readonly slot: Share
}

export interface Share {
  readonly memoryBytes: number
  readonly cores: number
  readonly gpus: number
}

/** A worker that does not say what it can do is asked for nothing but plain trials. */
export function offerOf(info: WorkerInfo | null): Offer {
  const { worker = '', labels = {}, can = [], experiments = [], trusts } = info ?? {}
  return { worker, labels, can, experiments, trusts, slot: shareOf(info) }
}

/** What one slot of a worker has. */
export function shareOf(info: WorkerInfo | null): Share {
  const { slots = 1, memoryBytes = 0, cores = 0, gpus = 0 } = info ?? {}
  return { memoryBytes: Math.floor(memoryBytes / slots), cores: cores / slots, gpus: gpus / slots }
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
  readonly resources: Resources
}

/** `continues`: its trials go on from checkpoints. `key`: whose signature it has that is good now. */
export function wishOf({ name, context, bundle }: Submission, continues: boolean, key?: string): Wish {
  const needs: Capability[] = []
  if (context.kind === 'ablation') needs.push('ablated')
  if ('ring' in context && context.ring !== undefined) needs.push('ring')
  if (continues) needs.push('resumeFrom')
  const { labels, resources = {} } = context.policy
  return { name, labels, hasCode: bundle !== undefined, needs, key, resources }
}

/** Whether a worker may have trials of an experiment: none is asked for more than it can do. */
export function fits(offer: Offer, wish: Wish): boolean {
  return isTrusted(offer, wish) && fitsIfTrusted(offer, wish)
}

/** Whether it would fit if its code were signed by a key that the worker trusts. */
export function fitsIfTrusted(offer: Offer, wish: Wish): boolean {
  return fitsIfLarger(offer, wish) && isLargeEnough(offer.slot, wish.resources)
}

/** Whether a slot has what a trial needs. */
function isLargeEnough(slot: Share, { memoryBytes = 0, cores = 0, gpus = 0 }: Resources): boolean {
  return slot.memoryBytes >= memoryBytes && slot.cores >= cores && slot.gpus >= gpus
}

/** Whether it would fit if the worker had more for each of its slots. */
export function fitsIfLarger({ labels, can, experiments }: Offer, wish: Wish): boolean {
  const hasLabels = Object.entries(wish.labels).every(([name, value]) => own(labels, name) === value)
  const hasCode = (wish.hasCode && can.includes('bundle')) || experiments.includes(wish.name)
  return hasLabels && hasCode && wish.needs.every((need) => can.includes(need))
}

const isTrusted = ({ trusts }: Offer, { key }: Wish): boolean =>
  trusts === undefined || (key !== undefined && trusts.includes(key))

/** For people: ` with the labels gpu=yes that can do ring`. */
export function wanted({ name, labels, hasCode, needs, resources }: Wish): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  return [
    ...(pairs.length === 0 ? [] : [` with the labels ${pairs.join(', ')}`]),
    ...(hasCode ? [] : [` that runs the experiment ${name} by code of its own`]),
    ...(needs.length === 0 ? [] : [` that can do ${needs.join(', ')}`]),
    ...(amounts(resources) === '' ? [] : [` with ${amounts(resources)} for a slot`]),
  ].join('')
}

/** `8 GB of memory, 2 cores`; empty: nothing. */
export function amounts({ memoryBytes, cores, gpus }: Resources): string {
  return [
    ...(memoryBytes === undefined ? [] : [`${bytesText(memoryBytes)} of memory`]),
    ...(cores === undefined ? [] : [`${cores} cores`]),
    ...(gpus === undefined ? [] : [`${gpus} GPUs`]),
  ].join(', ')
}
