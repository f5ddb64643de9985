/**
 * Gives train a shard of what its dataset generator makes, behind its back. What is cut of it is said in dataset/layout.ts.
 * - Shard s of W has the rows p(j * W + s), j < floor(rows / W): disjoint, and all of one size, so that all ranks take the same
 *   number of steps. The rest (fewer than W rows) sits out; p changes with each epoch of `fit`, so it is another one each time.
 * - W is the most workers that there may be, not how many there are: the number of steps does not change when one is lost.
 * I1 Shards of one epoch are disjoint: when a member's shard changes, its tensors' contents change (they are variables), at once.
 * I2 They are shards of the same data: what is random in the generator is the same on all ranks, also in what runs later (elements
 *    of a `tf.data.Dataset`), and a difference that remains is found by comparing what was given.
 */
import { problem } from '../../protocol/index.ts'
import { permutation } from '../random/index.ts'
import type { Tf } from './backend.ts'
import {
  createAgreement,
  createSeededRandomness,
  cutDataset,
  isTensor,
  layoutOf,
  notesOn,
  sketchOf,
  wholeDataset,
  type Agreement,
  type Layout,
  type Leaf,
  type Node,
  type Tensor,
  type Typed,
} from './dataset/index.ts'
import type { Variable } from './replica.ts'

type Generator = (...args: readonly unknown[]) => unknown

export interface Shards {
  /** What train gets in the place of its dataset generator. */
  generator(own: Generator): Generator
  /** A gradient is about to be computed. */
  trains(): void
  /** Whether the ranks were given the same. */
  readonly agreement: Agreement
  /** Whether a value is, or holds, a tensor that was cut. */
  holds(value: unknown): boolean
  /** This member's shard from now on. */
  move(index: number): void
  /** A new epoch: other rows. */
  shuffle(): void
  end(): void
}

export function createShards(options: {
  readonly tf: Tf
  /** Into how many. */
  readonly count: number
  readonly index: number
  readonly seed: number
  readonly onVariable: (variable: Variable) => void
  /** What the user is to know, once each. */
  readonly note?: (text: string) => void
}): Shards {
  const { tf, count, seed } = options
  const randomness = createSeededRandomness(seed)
  const agreement = createAgreement()
  let index = options.index
  let epoch = 0
  let calls = 0
  const refills = new Set<() => void>()
  const cutTensors = new Set<Tensor>()
  /** A generator that gives the same tensor twice gets the same shard twice. */
  const known = new Map<object, unknown>()
  const noted = new Set<string>()

  function note(text: string): void {
    if (noted.has(text)) return
    noted.add(text)
    options.note?.(text)
  }

  function rowsOf(total: number): Int32Array {
    const size = Math.floor(total / count)
    if (size === 0) throw problem('DATASET_TOO_SMALL', { samples: total, shards: count })
    const order = epoch === 0 ? (at: number) => at : permutation(total, seed, 'epoch', epoch)
    return Int32Array.from({ length: size }, (_, at) => order(at * count + (index % count)))
  }

  function cutTensor(full: Tensor, total: number): Variable {
    const gather = (): Tensor => tf.tidy(() => tf.gather(full, tf.tensor1d(rowsOf(total), 'int32')))
    const first = gather()
    const shard = tf.variable(first, false)
    first.dispose()
    options.onVariable(shard)
    cutTensors.add(shard)
    const refill = (): void => {
      if (full.isDisposed) return
      const next = gather()
      shard.assign(next)
      next.dispose()
    }
    refills.add(refill)
    // A `tidy` around the generator must leave the rest of the data alone, and dispose of the shard unless it is given on.
    tf.keep(full)
    const engine = tf.engine() as unknown as { track(tensor: Tensor): void }
    engine.track(shard)
    const dispose = shard.dispose.bind(shard)
    shard.dispose = () => {
      refills.delete(refill)
      cutTensors.delete(shard)
      if (!full.isDisposed) full.dispose()
      if (!shard.isDisposed) dispose()
    }
    return shard
  }

  function cutRows<T extends unknown[] | Typed>(full: T, total: number): T {
    const width = full.length / total
    const size = Math.floor(total / count)
    const shard = emptyLike(full, size * width)
    const fill = (): void => {
      for (const [at, row] of rowsOf(total).entries()) {
        for (let i = 0; i < width; i += 1) shard[at * width + i] = full[row * width + i]
      }
    }
    fill()
    refills.add(fill)
    return shard
  }

  function cutLeaf(leaf: Leaf, rows: number, call: number): unknown {
    if (leaf.kind === 'tensor') return cutTensor(leaf.value, rows)
    if (leaf.kind === 'list') return cutRows([...leaf.value], rows)
    if (leaf.kind === 'typed') return cutRows(leaf.value, rows)
    if (leaf.kind === 'other') return leaf.value
    const { path } = leaf
    return cutDataset(
      {
        tf,
        count,
        index: () => index,
        within: (iteration, make) => randomness.during([call, path, iteration], make),
        onElement: (iteration, group, at, element) => {
          // The first group, the second, the fourth, …: enough to tell one order from another.
          if ((group & (group - 1)) === 0) learn(leaf, [call, iteration, group, at].join('/'), element)
        },
      },
      leaf.value,
    )
  }

  function learn({ path }: Leaf, event: string, value: unknown): void {
    agreement.learn(path === '' ? 'all of it' : path, event, sketchOf(tf, value, event))
  }

  function give(layout: Layout, node: Node, call: number): unknown {
    const { value } = node
    if (typeof value !== 'object' || value === null) return value
    if (known.has(value)) return known.get(value)
    const given = giveNew(layout, node, call)
    known.set(value, given)
    return given
  }

  function giveNew(layout: Layout, node: Node, call: number): unknown {
    if ('parts' in node) {
      const parts = node.parts.map(([name, part]): [string, unknown] => [name, give(layout, part, call)])
      return node.kind === 'tuple' ? parts.map(([, part]) => part) : Object.fromEntries(parts)
    }
    if (layout.cuts(node)) return cutLeaf(node, layout.rows ?? 0, call)
    if (node.kind !== 'dataset') return node.value
    const within = <T>(iteration: number, make: () => T): T => randomness.during([call, node.path, iteration], make)
    return wholeDataset({ tf, within }, node.value)
  }

  function given(value: unknown, call: number): unknown {
    // All of it, as it is.
    if (count === 1) return value
    const layout = layoutOf(value)
    for (const leaf of layout.leaves) if ('rows' in leaf) learn(leaf, String(call), leaf.value)
    for (const text of notesOn(layout)) note(text)
    return give(layout, layout.root, call)
  }

  return {
    agreement,
    generator:
      (own) =>
      (...args) => {
        const call = calls
        calls += 1
        const made = randomness.during([call], () => own(...args))
        return isPromise(made) ? made.then((value) => given(value, call)) : given(made, call)
      },
    trains: () => {
      if (calls === 0 && count > 1) note(notMade)
    },
    holds: (value) => {
      if (typeof value !== 'object' || value === null) return false
      if (isTensor(value)) return cutTensors.has(value)
      return Object.values(value).some((part) => cutTensors.has(part as Tensor))
    },
    move: (to) => {
      if (to === index) return
      index = to
      for (const refill of refills) refill()
    },
    shuffle: () => {
      epoch += 1
      for (const refill of refills) refill()
    },
    end: () => {
      randomness.end()
      refills.clear()
      known.clear()
      cutTensors.clear()
    },
  }
}

const notMade =
  'nothing was cut, for train called no dataset generator: every worker trains on all that train itself loads or makes'

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function emptyLike<T extends unknown[] | Typed>(full: T, length: number): T {
  if (Array.isArray(full)) return Array.from({ length }) as T
  if (Buffer.isBuffer(full)) return Buffer.alloc(length) as unknown as T
  return new (full.constructor as new (length: number) => T)(length)
}
