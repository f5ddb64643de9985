/** Notes for the user on how a dataset was cut, where it is not as one would think. */
import { listed } from '../../words/index.ts'
import { isPlain, isTensor, isTyped } from './kinds.ts'
import type { Layout, Leaf } from './layout.ts'

/** Names told at most; the rest is counted. */
const most = 5

/** Sentences; none where all is as expected. */
export function notesOn(layout: Layout): string[] {
  return [...notesOnCut(layout), ...notesOnDerived(layout)]
}

/** What train makes of some of the rows is not what it would be of all. */
export const deriveElsewhere =
  'What is to be of all rows (classes, a vocabulary, the least and the largest value), derive in the dataset generator, and give it beside ' +
  'them: see "Derived from the data" in deploy/TRAINING.md'

/** Rows that are to be encoded first. What the generator gives beside them, whole, they may be encoded by, as it should be. */
function notesOnDerived(layout: Layout): string[] {
  const mine = layout.leaves.filter(({ role }) => role !== 'held out')
  const raw = mine.filter((leaf) => layout.cuts(leaf) && isRaw(leaf))
  const texts = raw.flatMap(({ value }) => textsIn(firstOf(value)))
  const explains = ({ value }: Leaf): boolean =>
    texts.length === 0
      ? typeof value === 'number' || (typeof value === 'object' && value !== null)
      : typeof value === 'function' || entriesOf(value).some((one) => texts.some((text) => text.includes(one)))
  if (raw.length === 0 || mine.some((leaf) => !layout.cuts(leaf) && explains(leaf))) return []
  const names = listed(
    raw.map(({ path }) => (path === '' ? 'what the dataset generator gave' : path)),
    most,
  )
  return [
    `${names} is cut, and holds texts or records: what train derives from them differs between workers. ${deriveElsewhere}`,
  ]
}

/** Texts, records, or lists of these. */
function isRaw({ kind, value }: Leaf): boolean {
  if (kind === 'tensor') return value.dtype === 'string'
  const first = kind === 'list' ? firstOf(value) : undefined
  const isRecord = isPlain(first) && !isTensor(first) && !isTyped(first)
  return isRecord || textsIn(first).length > 0
}

const firstOf = (rows: unknown): unknown => (Array.isArray(rows) ? rows[0] : undefined)

/** In a text, a record or a list of these, in small letters. */
function textsIn(row: unknown): string[] {
  if (typeof row === 'string') return [row.toLowerCase()]
  return Array.isArray(row) || isPlain(row)
    ? Object.values(row)
        .filter((one) => typeof one === 'string')
        .flatMap(textsIn)
    : []
}

/** Texts that a list, a Map or a Set holds. */
function entriesOf(value: unknown): string[] {
  if (value instanceof Map) return [...value.keys(), ...value.values()].flatMap(textsIn)
  return value instanceof Set || Array.isArray(value) ? [...value].flatMap(textsIn) : []
}

function notesOnCut(layout: Layout): string[] {
  const mine = layout.leaves.filter(({ role }) => role !== 'held out')
  if (!mine.some((leaf) => layout.cuts(leaf))) {
    if (mine.length === 0 && layout.leaves.length > 0) return []
    const gave = mine.length === 0 ? 'nothing' : listed([...new Set(mine.map(kindOf))], most)
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
  const named = listed(
    whole.map((leaf) => `${leaf.path} (${'rows' in leaf ? leaf.rows : '?'} rows)`),
    most,
  )
  return [`whole on every worker, for what is cut has ${rows} rows: ${named}`]
}

/** Beside numbers it is a vocabulary, or the names of classes. */
const isWords = (leaf: Leaf): boolean => leaf.kind === 'list' && typeof leaf.value[0] === 'string'

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
