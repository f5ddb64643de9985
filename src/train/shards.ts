/**
 * Gives train a shard of what its dataset generator makes, behind its back. What is cut of it is said in dataset/layout.ts.
 * - Shard s of W has the rows p(j * W + s), j < floor(rows / W): disjoint, and all of one size, so that all ranks take the same
 *   number of steps. The rest (fewer than W rows) sits out; p changes with each epoch of a `fit` that is given shards and nothing else, so
 *   it is another one each time there.
 * - W is the most workers that there may be, not how many there are: the number of steps does not change when one is lost.
 * I1 Shards of one epoch are disjoint, for each member has a seat of its own; and what user code was given of them never changes.
 * I2 They are shards of the same data: randomness in the generator is the same on all ranks, also in what runs later (elements
 *    of a `tf.data.Dataset`), and a difference that remains is found by comparing what was given.
 */
import { problem } from '../../protocol/index.ts'
import { permutation } from '../random/index.ts'
import type { Tf } from './backend.ts'
import {
  createAgreement,
  createCutRows,
  createSeededRandomness,
  cutDataset,
  deriveElsewhere,
  isTensor,
  layoutOf,
  notesOn,
  sketchOf,
  wholeDataset,
  type Agreement,
  type Layout,
  type Leaf,
  type Node,
  type RowsCopy,
} from './dataset/index.ts'
import type { Variable } from './tfjs.ts'

type Generator = (...args: readonly unknown[]) => unknown

export interface Shards {
  /** The generator that train gets in the place of its own. */
  generator(own: Generator): Generator
  /** A gradient is about to be computed. */
  trains(): void
  /** The greatest row of a tensor is computed, say, by this kernel of tfjs. */
  readonly summarizes: (kernel: string, rows: object) => void
  /** Whether the ranks were given the same. */
  readonly agreement: Agreement
  /** The x and y of a `fit`, if all of them were cut, for other rows in each epoch. */
  copies(data: readonly unknown[]): Copies | undefined
  end(): void
}

export interface Copies {
  /** In the place of x and y. */
  readonly data: readonly unknown[]
  /** A new epoch: other rows, the same of all of them. */
  shuffle(): void
  dispose(): void
}

export function createShards(options: {
  readonly tf: Tf
  /** Into how many. */
  readonly count: number
  readonly index: number
  readonly seed: number
  readonly onVariable: (variable: Variable) => void
  /** A dataset that was cut is about to be read. */
  readonly onRead?: () => void
  /** Tells the user something about the data; the same text once. */
  readonly note?: (text: string) => void
}): Shards {
  const { tf, count, index, seed } = options
  const randomness = createSeededRandomness(seed)
  const agreement = createAgreement()
  let epochs = 0
  let calls = 0
  /** A generator that gives the same tensor twice gets the same shard twice. */
  let known = new WeakMap<object, unknown>()
  const noted = new Set<string>()

  function note(text: string): void {
    if (noted.has(text)) return
    noted.add(text)
    options.note?.(text)
  }

  function rowsOf(total: number, epoch: number): Int32Array {
    const size = Math.floor(total / count)
    if (size === 0) throw problem('DATASET_TOO_SMALL', { samples: total, shards: count })
    const order = epoch === 0 ? (at: number) => at : permutation(total, seed, 'epoch', epoch)
    return Int32Array.from({ length: size }, (_, at) => order(at * count + (index % count)))
  }

  const rowsCut = createCutRows({ tf, count, rowsOf })

  function cutLeaf(leaf: Leaf, rows: number, call: number): unknown {
    if (leaf.kind === 'tensor') return rowsCut.tensor(leaf.value, rows)
    if (leaf.kind === 'list') return rowsCut.list(leaf.value as unknown[], rows)
    if (leaf.kind === 'typed') return rowsCut.list(leaf.value, rows)
    if (leaf.kind === 'other') return leaf.value
    const { path } = leaf
    return cutDataset(
      {
        tf,
        count,
        index,
        ...(options.onRead === undefined ? {} : { onRead: options.onRead }),
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
    summarizes: (kernel, rows) => {
      if (rowsCut.has(rows))
        note(
          `train computes the ${words[kernel] ?? kernel} of data that are cut: it differs between workers. ${deriveElsewhere}`,
        )
    },
    copies: (data) => {
      const parts = data.flatMap(tensorsIn)
      if (!parts.some((part) => rowsCut.has(part))) return undefined
      if (!parts.every((part) => rowsCut.has(part))) {
        note(keptRows)
        return undefined
      }
      const made = new Map([...new Set(parts)].map((part): [unknown, RowsCopy] => [part, rowsCut.copy(part)]))
      for (const { variable } of made.values()) options.onVariable(variable)
      return {
        data: data.map((value) => withTensors(value, (part) => made.get(part)?.variable)),
        shuffle: () => {
          epochs += 1
          for (const copy of made.values()) copy.fill(epochs)
        },
        dispose: () => {
          for (const { variable } of made.values()) variable.dispose()
        },
      }
    },
    end: () => {
      randomness.end()
      known = new WeakMap()
    },
  }
}

const keptRows =
  'fit was given data that train has made of its shard: every worker keeps its own samples in all epochs (where x and y are what the dataset generator gave, workers exchange them between epochs)'
/** What `fit` takes as x, or as y. */
function tensorsIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return isTensor(value) ? [value] : Object.values(value)
}
function withTensors(value: unknown, other: (tensor: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isTensor(value)) return other(value)
  if (Array.isArray(value)) return value.map(other)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, other(part)]))
}

/** tfjs's names of kernels. */
const words: Readonly<Record<string, string>> = {
  Max: 'greatest value',
  Min: 'least value',
  Mean: 'mean',
  Sum: 'sum',
  Unique: 'different values',
}

const notMade =
  'nothing was cut, for train called no dataset generator: every worker trains on all that train itself loads or makes'

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
