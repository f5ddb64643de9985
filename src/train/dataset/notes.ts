/** Notes for the user on how a dataset was cut, where it is not as one would think. */
import { isPlain } from './kinds.ts'
import type { Layout, Leaf } from './layout.ts'

/** Names told at most; the rest is counted. */
const most = 5

/** Sentences; none where all is as expected. */
export function notesOn(layout: Layout): string[] {
  const mine = layout.leaves.filter(({ role }) => role !== 'held out')
  if (!mine.some((leaf) => layout.cuts(leaf))) {
    if (mine.length === 0 && layout.leaves.length > 0) return []
    const gave = listed([...new Set(mine.map(kindOf))])
    return [
      'nothing of what the dataset generator gave could be cut: every worker trains on all of it. ' +
        `It gave ${gave}; what can be cut are arrays, tensors and tf.data.Datasets, in plain objects and lists`,
    ]
  }
  const { rows } = layout
  if (rows === undefined) return []
  // An array as large as the samples may hold samples; a mean or a list of names does not.
  const words = mine.every((leaf) => !layout.cuts(leaf) || isWords(leaf))
  const whole = mine.filter(
    (leaf) => 'rows' in leaf && leaf.rows * 2 >= rows && !layout.cuts(leaf) && (words || !isWords(leaf)),
  )
  if (whole.length === 0) return []
  const named = listed(whole.map((leaf) => `${leaf.path} (${'rows' in leaf ? leaf.rows : '?'} rows)`))
  return [`whole on every worker, for what is cut has ${rows} rows: ${named}`]
}

/** Beside numbers it is a vocabulary, or the names of classes. */
const isWords = (leaf: Leaf): boolean => leaf.kind === 'list' && typeof leaf.value[0] === 'string'

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  const more = names.length - most
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ')
}

function kindOf(leaf: Leaf): string {
  const { value } = leaf
  if (leaf.kind !== 'other') return leaf.kind === 'list' ? 'an empty list' : `a ${leaf.kind}`
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return value === undefined ? 'nothing' : `a ${typeof value}`
  if (isPlain(value) || Array.isArray(value)) return 'what holds itself'
  if ('next' in value && typeof value.next === 'function') return 'a generator'
  const { constructor } = value as { constructor?: { name?: string } }
  return `an instance of ${constructor?.name === undefined || constructor.name === '' ? 'a class' : constructor.name}`
}
