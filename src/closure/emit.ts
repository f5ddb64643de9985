/**
 * A captured graph as the text of a plain ES module. Pure.
 * Its order: imports; variables, without values; functions; classes, what they extend first; objects, empty; then all values are put
 * where they belong. So circles close, and no function sees a variable that has no value yet.
 */
import { quoted } from './data.ts'
import type { Captured } from './capture.ts'
import type { FunctionNode, GraphNode, Member, ObjectNode, Value, Variable } from './graph.ts'
import { Modules } from './modules.ts'

/** Where a function's text begins. */
interface Mark {
  /** From 0, in the module. */
  readonly line: number
  readonly column: number
  readonly node: FunctionNode
}

export interface Emitted {
  readonly text: string
  readonly marks: readonly Mark[]
  /** What it imports, as its import statements name it. */
  readonly imports: readonly string[]
}

/** Names that mean something else where the module runs. */
const taken = [
  'require',
  'module',
  'exports',
  '__filename',
  '__dirname',
  'arguments',
  'eval',
  'await',
  'maggy_exported',
]

const helpers = {
  maggy$bytes: `const maggy$bytes = (text) => Uint8Array.from(Buffer.from(text, 'base64'))`,
  maggy$named: `const maggy$named = (made, value) => Object.defineProperty(made, 'name', { value, configurable: true })`,
}

/** `folder`: where the module is taken to lie. `last`: the module's last statement, given the texts of the roots. */
export function emit(
  captured: Captured,
  roots: ReadonlyMap<string, Value>,
  folder: string,
  last: (root: (name: string) => string) => string,
): Emitted {
  return new Emitter(captured, folder).emit(roots, last)
}

class Emitter {
  readonly #captured: Captured
  readonly #names = new Map<Variable, string>()
  readonly #consts = new Map<GraphNode, string>()
  readonly #made = new Set<GraphNode>()
  readonly #modules: Modules
  readonly #chunks: string[] = []
  readonly #marks: Mark[] = []
  #line = 0

  constructor(captured: Captured, folder: string) {
    this.#captured = captured
    this.#modules = new Modules(folder)
  }

  emit(roots: ReadonlyMap<string, Value>, last: (root: (name: string) => string) => string): Emitted {
    const { variables, nodes } = this.#captured
    this.#nameAll()
    const imported = variables.filter((one) => one.imported !== undefined)
    const bound = imported.map((one) => {
      const { imported: { specifier, how, path, folder } = {}, name } = one
      const from = this.#modules.use({ specifier: specifier ?? '', how: how ?? 'esm', folder: folder ?? '', name })
      return `const ${this.#name(one)} = ${from}${(path ?? []).map((part) => `[${quoted(part)}]`).join('')}`
    })
    const own = variables.filter((one) => one.imported === undefined)
    const functions = nodes.filter((node): node is FunctionNode => node.kind === 'function')
    const objects = nodes.filter((node): node is ObjectNode => node.kind === 'object' && this.#isOwn(node))
    const hasTensors = nodes.some((node) => node.kind === 'object' && node.make?.startsWith('maggy$tf.') === true)
    this.#put(
      ...(hasTensors ? [`import * as maggy$tf from '@tensorflow/tfjs'`] : []),
      `import { defineExperiment as maggy$define } from 'maggy'`,
      ...this.#modules.statements(),
      ...Object.values(helpers),
      ...bound,
      ...(own.length === 0 ? [] : [`let ${own.map((one) => this.#name(one)).join(', ')}`]),
    )
    for (const node of functions) if (node.source.kind !== 'class') this.#function(node)
    // What classes extend may be made by a function, out of a function.
    for (const one of own) if (!this.#reachesClass(one.value)) this.#assign(one)
    for (const node of functions) this.#class(node)
    for (const node of objects) this.#shell(node)
    for (const one of own) this.#assign(one)
    for (const node of [...functions, ...objects]) this.#fill(node)
    for (const node of [...functions, ...objects]) this.#harden(node)
    this.#put(last((name) => this.#text(roots.get(name) ?? { text: 'undefined' })))
    return {
      text: `${this.#chunks.join('\n')}\n`,
      marks: this.#marks,
      imports: [...new Set(imported.map(({ imported: of }) => of?.specifier ?? ''))].sort(),
    }
  }

  #put(...chunks: readonly string[]): void {
    for (const chunk of chunks) {
      this.#chunks.push(chunk)
      this.#line += chunk.split('\n').length
    }
  }

  /** A variable keeps its name, unless another one has it, or it would hide a name that some function means otherwise. */
  #nameAll(): void {
    const { variables, globals, nodes } = this.#captured
    const texts = nodes.flatMap((node) => (node.kind === 'function' ? [node.source.text] : []))
    const written = new Set(texts.flatMap((one) => one.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu) ?? []))
    const used = new Set([...globals, ...taken])
    for (const variable of variables) {
      let name = variable.name
      for (let count = 2; used.has(name) || (name !== variable.name && written.has(name)); count += 1)
        name = `${variable.name}$${count}`
      used.add(name)
      this.#names.set(variable, name)
    }
    for (const [place, node] of nodes.entries()) this.#consts.set(node, `maggy$${place + 1}`)
  }

  #name(variable: Variable): string {
    return this.#names.get(variable) ?? variable.name
  }

  /** Whether it needs a name: it is referred to more than once, or what makes it is no expression. */
  #isOwn(node: GraphNode): boolean {
    if (node.kind === 'function') return true
    const { uses, inherits, entries, hardness, members, shape, length = 0 } = node
    if (uses > 1 || inherits !== undefined || entries.length > 0 || hardness !== undefined) return true
    if (members.some(({ flags, accessor }) => flags !== undefined || accessor !== undefined)) return true
    return shape === 'other' ? members.length > 0 : shape === 'array' && !isDense(members, length)
  }

  #text(value: Value): string {
    if ('text' in value) return value.text
    const { node } = value
    if (this.#isOwn(node)) return this.#consts.get(node) ?? ''
    if (node.kind === 'function') return ''
    if (node.shape === 'other') return node.make ?? ''
    if (node.shape === 'array') return `[${node.members.map((one) => this.#text(one.value)).join(', ')}]`
    const members = node.members.map(({ key, value: each }) => `${this.#key(key)}: ${this.#text(each)}`)
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
  }

  #key(key: Value): string {
    const name = this.#text(key)
    return name.startsWith('"') && name !== '"__proto__"' ? name : `[${name}]`
  }

  #function(node: FunctionNode): void {
    const { source, name, bindings } = node
    let { text } = source
    for (const { start, end, isShorthand, variable } of bindings.toSorted((a, b) => b.start - a.start)) {
      const stands = this.#name(variable)
      const by = isShorthand ? `${text.slice(start, end)}: ${stands}` : stands
      if (isShorthand ? stands !== text.slice(start, end) : true)
        text = `${text.slice(0, start)}${by}${text.slice(end)}`
    }
    const id = this.#consts.get(node) ?? ''
    const isAnonymous = source.ownName === undefined && ['function', 'arrow', 'class'].includes(source.kind)
    // Bundlers change names; in stacks it is called what it is called in the notebook.
    const [head, tail] = isAnonymous
      ? [`const { ${quoted(name)}: ${id} } = { [${quoted(name)}]: `, ' }']
      : [`const ${id} = maggy$named(`, `, ${quoted(name)})`]
    this.#marks.push({ line: this.#line, column: head.length, node })
    this.#made.add(node)
    this.#put(`${head}${text}${tail}`)
  }

  /** With those that it extends before it, and in its variables at once. */
  #class(node: FunctionNode): void {
    if (this.#made.has(node)) return
    this.#made.add(node)
    const { atOnce } = node.source
    for (const { start, end, variable } of node.bindings) {
      if (!atOnce.some(([from, to]) => start >= from && end <= to)) continue
      const { value } = variable
      if ('node' in value && value.node.kind === 'function') this.#class(value.node)
    }
    this.#function(node)
    for (const variable of this.#captured.variables) {
      const { value } = variable
      if ('node' in value && value.node === node) this.#assign(variable)
    }
  }

  #assign(variable: Variable): void {
    this.#put(`${this.#name(variable)} = ${this.#text(variable.value)}`)
  }

  /** Classes and objects are not made yet when the first variables get their values. */
  #reachesClass(value: Value): boolean {
    if ('text' in value) return false
    const { node } = value
    return node.kind === 'object' || node.source.kind === 'class'
  }

  #shell(node: ObjectNode): void {
    if (this.#made.has(node)) return
    this.#made.add(node)
    const { inherits, shape, make = '' } = node
    const id = this.#consts.get(node) ?? ''
    if (inherits === undefined) {
      this.#put(`const ${id} = ${shape === 'other' ? make : shape === 'array' ? '[]' : '{}'}`)
      return
    }
    const { from, isClass } = inherits
    if ('node' in from && from.node.kind === 'object') this.#shell(from.node)
    const parent = `${this.#text(from)}${isClass ? '.prototype' : ''}`
    const made = shape === 'other' ? `Object.setPrototypeOf(${make}, ${parent})` : `Object.create(${parent})`
    this.#put(`const ${id} = ${made}`)
  }

  #fill(node: GraphNode): void {
    const id = this.#consts.get(node) ?? ''
    if (node.kind === 'function')
      for (const each of node.prototypeMembers) this.#put(this.#member(`${id}.prototype`, each))
    if (node.kind === 'object') {
      if (node.shape === 'array') this.#put(`${id}.length = ${node.length ?? 0}`)
      for (const entry of node.entries)
        this.#put(`${id}.${node.adds ?? 'add'}(${entry.map((each) => this.#text(each)).join(', ')})`)
    }
    for (const each of node.members) this.#put(this.#member(id, each))
  }

  #member(owner: string, { key, value, flags, accessor }: Member): string {
    const named = this.#text(key)
    if (flags === undefined) return `${owner}[${named}] = ${this.#text(value)}`
    const { writable, enumerable, configurable } = flags
    const held =
      accessor === undefined
        ? `value: ${this.#text(value)}, writable: ${writable}`
        : `get: ${this.#text(accessor.get)}, set: ${this.#text(accessor.set)}`
    return `Object.defineProperty(${owner}, ${named}, { ${held}, enumerable: ${enumerable}, configurable: ${configurable} })`
  }

  #harden(node: GraphNode): void {
    const by = { frozen: 'freeze', sealed: 'seal', fixed: 'preventExtensions' } as const
    if (node.hardness !== undefined) this.#put(`Object.${by[node.hardness]}(${this.#consts.get(node) ?? ''})`)
  }
}

const isDense = (members: readonly Member[], length: number): boolean =>
  members.length === length && members.every(({ key }, place) => 'text' in key && key.text === `"${place}"`)
