/**
 * A function's own text, as an expression that stands anywhere, and the names it leaves open. Pure.
 * What `toString` gives is a declaration, an expression, a method or a class; each is made one expression here.
 */
import { parse, type Options } from 'acorn'
import { freeNamesOf, type FreeNames, type Reference, type Tree } from './free.ts'

export interface FunctionSource extends FreeNames {
  readonly kind: 'function' | 'arrow' | 'method' | 'getter' | 'setter' | 'class'
  /** An expression; `references` are places in it. */
  readonly text: string
  /** How many lines and columns of the text stand before what `toString` gave. */
  readonly lead: number
  /** The name that its text gives it, if it does; within the text that name is the function itself. */
  readonly ownName: string | undefined
  /** Of a class: its static private members cannot be seen from outside. */
  readonly staticPrivate: string | undefined
  /** Of a class: where in the text what it extends stands, and the keys that are computed: they are run when it is made. */
  readonly atOnce: readonly (readonly [start: number, end: number])[]
}

const options: Options = { ecmaVersion: 'latest', sourceType: 'module', allowAwaitOutsideFunction: false }

/** undefined: it is no JavaScript that can be read, as of a native function. */
export function sourceOf(text: string): FunctionSource | undefined {
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) return undefined
  return expressionIn(text) ?? methodIn(text)
}

function expressionIn(text: string): FunctionSource | undefined {
  const tree = parsed(`(${text})`)
  if (tree === undefined) return undefined
  const kinds = {
    FunctionExpression: 'function',
    ArrowFunctionExpression: 'arrow',
    ClassExpression: 'class',
  } as const
  const kind = Object.hasOwn(kinds, tree.type) ? kinds[tree.type as keyof typeof kinds] : undefined
  if (kind === undefined) return undefined
  if (kind === 'class') return classSource(tree, text)
  return { ...freeNamesOf(tree), kind, text: `(${text})`, lead: 1, ...plain, ownName: nameOf(tree) }
}

const plain = { ownName: undefined, staticPrivate: undefined, atOnce: [] } as const

function nameOf(tree: Tree): string | undefined {
  const id = tree['id'] as Tree | null | undefined
  return id?.['name'] as string | undefined
}

/** The values of static fields are taken as they are: what made them is not run again. Lines stay where they are. */
function classSource(tree: Tree, text: string): FunctionSource {
  let stripped = `(${text})`
  let staticPrivate: string | undefined
  for (const member of (tree['body'] as Tree)['body'] as Tree[]) {
    const isStatic = member['static'] === true || member.type === 'StaticBlock'
    if (!isStatic) continue
    const key = member['key'] as Tree | undefined
    if (key?.type === 'PrivateIdentifier') staticPrivate ??= `#${String(key['name'])}`
    else if (member.type === 'PropertyDefinition' || member.type === 'StaticBlock')
      stripped = blanked(stripped, member.start, member.end)
  }
  const whole = parsed(stripped) ?? tree
  const free = freeNamesOf(whole)
  return {
    ...free,
    kind: 'class',
    text: stripped,
    lead: 1,
    ownName: nameOf(tree),
    staticPrivate,
    atOnce: [tree['superClass'] as Tree | null, ...computedKeys(tree)].flatMap((one) =>
      one === null ? [] : [[one.start, one.end] as const],
    ),
  }
}

const computedKeys = (tree: Tree): Tree[] =>
  ((tree['body'] as Tree)['body'] as Tree[]).flatMap((one) => (one['computed'] === true ? [one['key'] as Tree] : []))

const blanked = (text: string, start: number, end: number): string =>
  `${text.slice(0, start)}${text.slice(start, end - 1).replaceAll(/[^\n]/g, ' ')};${text.slice(end)}`

/** `name() {}`, `get name() {}`, `async *[key]() {}`: the key is no part of it. */
function methodIn(text: string): FunctionSource | undefined {
  const tree = parsed(`({${text}})`)
  const property = tree?.type === 'ObjectExpression' ? (tree['properties'] as Tree[])[0] : undefined
  const value = property?.['value'] as Tree | undefined
  if (property === undefined || value?.type !== 'FunctionExpression') return undefined
  const before = property['kind'] as string
  const marks = `${value['async'] === true ? 'async ' : ''}${value['generator'] === true ? '*' : ''}`
  const body = `({${text}})`.slice(value.start, value.end)
  const accessor = before === 'get' || before === 'set' ? before : undefined
  const head = accessor === undefined ? `({${marks}_` : `Object.getOwnPropertyDescriptor({${accessor} _`
  const tail = accessor === undefined ? '})._' : `}, '_').${accessor}`
  const by = head.length - value.start
  const free = freeNamesOf(value)
  return {
    ...free,
    references: free.references.map((one) => moved(one, by)),
    kind: accessor === undefined ? 'method' : accessor === 'get' ? 'getter' : 'setter',
    text: `${head}${body}${tail}`,
    // What stands before the parameters is another text now, on the first line.
    lead: by + 2,
    ...plain,
  }
}

const moved = ({ member, ...one }: Reference, by: number): Reference => ({
  ...one,
  start: one.start + by,
  end: one.end + by,
  ...(member === undefined ? {} : { member: { ...member, end: member.end + by } }),
})

/** The tree of a text that is one expression. */
function parsed(text: string): Tree | undefined {
  try {
    const [statement, ...rest] = parse(text, options).body as unknown as Tree[]
    return rest.length === 0 ? (statement?.['expression'] as Tree | undefined) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
