/** The members of a built-in object: taken note of, looked at, put back. */

/** Node moves these by itself. */
const moving = new Set<string | symbol>(['env', 'exitCode', 'argv', 'title', 'debugPort', 'domain'])
const isWatched = (root: object, key: string | symbol): boolean =>
  root !== process || !(moving.has(key) || (typeof key === 'string' && key.startsWith('_')))

/** What user code has replaced by then must not be what puts it back. */
const { ownKeys, getOwnPropertyDescriptor, defineProperty, deleteProperty } = Reflect
const { assign, keys: enumerableKeys, getOwnPropertySymbols, hasOwn, is: isSame } = Object

/** A built-in object as it was. */
interface Members {
  readonly root: object
  readonly members: ReadonlyMap<string | symbol, PropertyDescriptor>
}

/** Takes note of the members of these objects. */
export function rememberMembers(roots: readonly object[]): {
  /** Whether they seem as they were: no value is another one, nothing is gone, and nothing was added that enumeration shows. */
  seemUnchanged(): boolean
  /** Looks at each member, and puts it back if it is another one. */
  restore(): void
} {
  const all = roots.map(membersOf)
  const comparisons = all.map(comparisonOf)
  const hasNoMore = countOf(all.filter(({ root }) => !isShared(root)))
  return {
    seemUnchanged: () => comparisons.every((hasItsMembers) => hasItsMembers()) && hasNoMore(),
    restore: () => {
      for (const each of all) restoreMembers(each)
    },
  }
}

function membersOf(root: object): Members {
  const members = new Map<string | symbol, PropertyDescriptor>()
  for (const key of ownKeys(root)) {
    const member = isWatched(root, key) ? getOwnPropertyDescriptor(root, key) : undefined
    if (member !== undefined) members.set(key, member)
  }
  return { root, members }
}

/**
 * Compares all values of an object by one function that names each member: so each has a place where the engine remembers how to find it.
 * A loop over the keys finds each anew, which takes three times as long.
 */
function comparisonOf({ root, members }: Members): () => boolean {
  const symbols: symbol[] = []
  const values: unknown[] = []
  const parts: string[] = []
  for (const [key, { configurable, writable, value }] of members) {
    // It cannot change.
    if (configurable !== true && writable !== true) continue
    const name = typeof key === 'symbol' ? `symbols[${symbols.push(key) - 1}]` : JSON.stringify(key)
    const before = `values[${values.push(value) - 1}]`
    if (writable === undefined) parts.push(`hasOwn(root, ${name})`)
    else if (typeof value === 'number') parts.push(`is(root[${name}], ${before})`)
    else parts.push(`root[${name}] === ${before}`)
  }
  // The text is of quoted names alone.
  // oxlint-disable-next-line typescript/no-implied-eval
  const compare = new Function(
    'root',
    'values',
    'symbols',
    'is',
    'hasOwn',
    `return ${parts.join(' && ') || 'true'}`,
  ) as (...args: unknown[]) => boolean
  return () => compare(root, values, symbols, isSame, hasOwn)
}

/**
 * Whether enumeration shows as many members as before. Most objects show none: whatever is copied of one of them was added, and to copy
 * them is cheaper than to list their keys.
 */
function countOf(all: readonly Members[]): () => boolean {
  const count = (root: object): number => enumerableKeys(root).length + getOwnPropertySymbols(root).length
  const showing = all.filter(({ members }) => [...members.values()].some(({ enumerable }) => enumerable === true))
  const others = all.filter((each) => !showing.includes(each)).map(({ root }) => root)
  const counts = showing.map(({ root }) => ({ root, before: count(root) }))
  return () => count(assign({}, ...others)) === 0 && counts.every(({ root, before }) => count(root) === before)
}

/** Whatever was added to it stays. */
const isShared = (root: object): boolean => root === globalThis

function restoreMembers({ root, members }: Members): void {
  for (const [key, member] of members) {
    if (!isEqual(getOwnPropertyDescriptor(root, key), member)) defineProperty(root, key, member)
  }
  if (isShared(root)) return
  for (const key of ownKeys(root)) {
    if (isWatched(root, key) && !members.has(key)) deleteProperty(root, key)
  }
}

const fields = ['value', 'get', 'set', 'writable', 'enumerable', 'configurable'] as const
const isEqual = (now: PropertyDescriptor | undefined, before: PropertyDescriptor): boolean =>
  now !== undefined && fields.every((field) => isSame(now[field], before[field]))
