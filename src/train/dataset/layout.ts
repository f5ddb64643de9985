/**
 * A dataset generator's result, read as a tree: which of its arrays, tensors and `tf.data.Dataset`s are cut, and how many rows
 * they have. Plain objects and short lists of arrays are structures, whatever lies in them.
 * - Held out, and so whole on every worker: parts named after a test (`xTest`, `val_labels`), parts beside a `train`, and in
 *   a list of parts (`[train, test]`) all but the first.
 * - The row count is the one that most arrays share. Arrays named like samples (`xs`, `labels`) have the say where others
 *   (`mean`, `std`) are as many.
 * - An array that has another number of rows is left whole, and so is whatever is no array (class instances, maps, functions).
 */
import { isDataset, isPlain, isTensor, isTyped, type Dataset, type Tensor, type Typed } from './kinds.ts'
import { namesAllTraining, namesSamples, roleOf } from './names.ts'

type Role = 'train' | 'held out' | 'unnamed'

interface Common {
  /** Where it stands: `train.xs`, `[0][1]`; empty: it is all that the generator gave. */
  readonly path: string
  readonly name: string
  readonly role: Role
}

interface TensorLeaf extends Common {
  readonly kind: 'tensor'
  readonly value: Tensor
  readonly rows: number
}

interface ListLeaf extends Common {
  readonly kind: 'list'
  readonly value: readonly unknown[]
  readonly rows: number
}

interface TypedLeaf extends Common {
  readonly kind: 'typed'
  readonly value: Typed
  /** Its length: it may hold several values for each row. */
  readonly rows: number
}

interface DatasetLeaf extends Common {
  readonly kind: 'dataset'
  readonly value: Dataset
}

interface OtherLeaf extends Common {
  readonly kind: 'other'
  readonly value: unknown
}

export type Leaf = TensorLeaf | ListLeaf | TypedLeaf | DatasetLeaf | OtherLeaf

interface Branch extends Common {
  readonly kind: 'object' | 'tuple'
  readonly value: object
  readonly parts: readonly (readonly [key: string, part: Node])[]
}

export type Node = Leaf | Branch

export interface Layout {
  readonly root: Node
  readonly leaves: readonly Leaf[]
  /** Rows that an array must have to be cut. Undefined: none is. */
  readonly rows: number | undefined
  cuts(leaf: Leaf): boolean
}

/** A list of more entries than this is one of samples, whatever they are. */
const longestTuple = 8
/** Values deeper than this are left as they are. */
const deepest = 32

export function layoutOf(given: unknown): Layout {
  const first = read(given, new Set())
  // A short list of tensors may be one of samples: it is if the other arrays have as many rows.
  const certain = rowsShared(leavesOf(first).filter(({ path }) => !isInTuple(first, path)))
  const root = certain === undefined ? first : read(given, new Set([certain]))
  const leaves = leavesOf(root)
  const rows = rowsShared(leaves)
  return { root, leaves, rows, cuts: (leaf) => isCut(leaf, rows, leaves) }
}

function isCut(leaf: Leaf, rows: number | undefined, leaves: readonly Leaf[]): boolean {
  if (leaf.role === 'held out' || leaf.kind === 'other') return false
  if (leaf.kind === 'dataset') return true
  if (rows === undefined || rows === 0) return false
  if (leaf.rows === rows) return true
  if (leaf.kind !== 'typed' || leaf.rows === 0 || leaf.rows % rows !== 0 || !eligible(leaves).includes(leaf))
    return false
  // Several values a row: of arrays whose name does not say so, only the one that has most, for a small one may divide by chance.
  if (leaf.name === '' || namesSamples(leaf.name)) return true
  return eligible(leaves).every((other) => !('rows' in other) || other.rows % rows !== 0 || sizeOf(other) <= leaf.rows)
}

function sizeOf(leaf: Rows): number {
  if (leaf.kind === 'tensor') return leaf.value.size
  return leaf.kind === 'typed' ? leaf.rows : leaf.rows * widthOf(leaf.value[0])
}

function widthOf(row: unknown): number {
  if (isTyped(row)) return row.length
  return Array.isArray(row) ? row.length * widthOf(row[0]) : 1
}

/** `lists`: lengths at which a short list is one of samples. */
function read(given: unknown, lists: ReadonlySet<number>): Node {
  const within = new Set<object>()

  function nodeOf(value: unknown, common: Common): Node {
    if (typeof value !== 'object' || value === null) return { ...common, kind: 'other', value }
    if (isDataset(value)) return { ...common, kind: 'dataset', value }
    if (isTensor(value)) {
      const [rows] = value.shape
      return rows === undefined ? { ...common, kind: 'other', value } : { ...common, kind: 'tensor', value, rows }
    }
    if (isTyped(value)) return { ...common, kind: 'typed', value, rows: value.length }
    // A value that holds itself has no end.
    if (within.has(value) || within.size >= deepest) return { ...common, kind: 'other', value }
    within.add(value)
    try {
      if (Array.isArray(value)) {
        if (!isTuple(value) || lists.has(value.length)) return { ...common, kind: 'list', value, rows: value.length }
        return { ...common, kind: 'tuple', value, parts: inPlaces(value, common) }
      }
      return isPlain(value)
        ? { ...common, kind: 'object', value, parts: byName(value, common) }
        : { ...common, kind: 'other', value }
    } finally {
      within.delete(value)
    }
  }

  function byName(value: Readonly<Record<string, unknown>>, { path, role }: Common): [string, Node][] {
    const entries = Object.entries(value)
    const hasTraining = entries.some(
      ([name, part]) => namesAllTraining(name) && typeof part === 'object' && part !== null,
    )
    return entries.map(([name, part]) => {
      const own = role === 'held out' ? role : roleOf(name, isArray(part))
      const beside = hasTraining && own !== 'train' ? 'held out' : own
      return [name, nodeOf(part, { path: path === '' ? name : `${path}.${name}`, name, role: beside ?? role })]
    })
  }

  function inPlaces(value: readonly unknown[], { path, name, role }: Common): [string, Node][] {
    const parts = value.map((part, at) => nodeOf(part, { path: `${path}[${at}]`, name, role }))
    const split = role !== 'held out' && isSplit(parts)
    return value.map((part, at) => {
      if (!split) return [String(at), parts[at] as Node]
      return [
        String(at),
        nodeOf(part, {
          path: `${path}[${at}]`,
          name: at === 0 ? 'train' : 'test',
          role: at === 0 ? 'train' : 'held out',
        }),
      ]
    })
  }

  return nodeOf(given, { path: '', name: '', role: 'unnamed' })
}

const isArray = (value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  isTensor(value) ||
  isTyped(value) ||
  (Array.isArray(value) && !isTuple(value))

/** A few arrays that are no samples: `[xs, ys]`, and not `[[0, 1], [1, 1]]`. */
function isTuple(value: readonly unknown[]): boolean {
  if (value.length === 0 || value.length > longestTuple) return false
  if (value.every(holdsMany)) return true
  const depths = new Set(value.map(depthOf))
  return depths.size > 1 && value.every((part) => depthOf(part) > 0)
}

function holdsMany(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (isDataset(value)) return true
  if (isTensor(value)) return value.shape.length > 0
  if (isTyped(value)) return true
  if (Array.isArray(value)) return value.length > longestTuple || (isTuple(value) && value.every(holdsMany))
  return isPlain(value) && Object.values(value).some(holdsMany)
}

const depthOf = (value: unknown): number => (Array.isArray(value) ? 1 + depthOf(value[0]) : isTyped(value) ? 1 : 0)

/** `[train, test]`: structures of the same names, or lists of arrays with other numbers of rows. */
function isSplit(parts: readonly Node[]): boolean {
  if (parts.length < 2 || parts.length > 3) return false
  if (parts.every(({ kind }) => kind === 'object')) {
    const names = parts.map((part) => (part as Branch).parts.map(([name]) => name).join('\n'))
    return new Set(names).size === 1
  }
  if (parts.every(({ kind }) => kind === 'tuple')) {
    return new Set(parts.map((part) => rowsShared(leavesOf(part)))).size > 1
  }
  if (!parts.every(({ kind }) => kind === 'dataset')) return false
  const sizes = parts.map((part) => (part as { value: Dataset }).value.size)
  return sizes.every((size) => typeof size === 'number') && new Set(sizes).size > 1
}

function leavesOf(node: Node): Leaf[] {
  return 'parts' in node ? node.parts.flatMap(([, part]) => leavesOf(part)) : [node]
}

function isInTuple(node: Node, path: string): boolean {
  if (!('parts' in node)) return false
  const part = node.parts.find(
    ([, one]) => path === one.path || path.startsWith(`${one.path}.`) || path.startsWith(`${one.path}[`),
  )
  return node.kind === 'tuple' || (part !== undefined && isInTuple(part[1], path))
}

type Rows = TensorLeaf | ListLeaf | TypedLeaf

/** The parts named after training; where there are none, all that are not held out. */
function eligible(leaves: readonly Leaf[]): readonly Leaf[] {
  const training = leaves.some((leaf) => leaf.role === 'train' && leaf.kind !== 'other')
  return leaves.filter(({ role }) => role === 'train' || (!training && role === 'unnamed'))
}

function rowsShared(leaves: readonly Leaf[]): number | undefined {
  const able = eligible(leaves)
  const arrays = able.filter((leaf): leaf is Rows => 'rows' in leaf && leaf.rows > 0)
  // Beside a dataset an array holds what its elements are called rather than samples, unless its name says otherwise.
  const voters = able.some(({ kind }) => kind === 'dataset') ? arrays.filter(({ name }) => namesSamples(name)) : arrays
  const named = best(
    voters,
    voters.filter(({ name }) => namesSamples(name)),
  )
  const all = best(voters, voters)
  if (named === undefined || all === undefined) return all?.rows
  return all.support > named.support && all.rows > named.rows ? all.rows : named.rows
}

interface Candidate {
  readonly rows: number
  /** Arrays that may have as many. */
  readonly support: number
  readonly order: readonly number[]
}

/**
 * The number of rows that most of `from` have, or may have. Of two that as many have: the one that more of all arrays have, that
 * more may have, that more tensors have, then the larger one.
 */
function best(all: readonly Rows[], from: readonly Rows[]): Candidate | undefined {
  const candidates = [...new Set(from.map(({ rows }) => rows))].map((rows): Candidate => {
    const has = (leaf: Rows): boolean => leaf.rows === rows
    const may = (leaf: Rows): boolean => has(leaf) || (leaf.kind === 'typed' && leaf.rows % rows === 0)
    const votes = all.filter(has).length
    const tensors = all.filter((leaf) => has(leaf) && leaf.kind === 'tensor').length
    const mayOfFrom = from === all ? votes : from.filter(may).length
    const support = all.filter(may).length
    return { rows, support, order: [mayOfFrom, votes, support, tensors, rows] }
  })
  return candidates.toSorted((a, b) => compared(b.order, a.order))[0]
}

function compared(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) if (value !== b[at]) return value - (b[at] ?? 0)
  return 0
}
