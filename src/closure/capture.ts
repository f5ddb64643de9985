/**
 * Takes functions with all that they close over out of this process, as a graph.
 * I1 An object is taken once: what is shared stays shared, and circles stay circles.
 * I2 Functions that share a variable which one of them assigns to share it there, too, or it is refused.
 * I3 What a name means is what the engine says it means, scope by scope; only then the global names.
 */
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { problem } from '../../protocol/index.ts'
import { packageRoot } from '../actor/index.ts'
import { builtinPath, knownGlobals } from './builtins.ts'
import { primitiveText, refuseBound, remade, subclass, symbolText } from './data.ts'
import type { Reference } from './free.ts'
import type { Binding, FunctionNode, GraphNode, Hardness, Member, ObjectNode, Value, Variable } from './graph.ts'
import type { Inspector, Place, Scope } from './inspector.ts'
import { Names } from './names.ts'
import { into, member, refusal, type Trail } from './refusal.ts'
import { sourceOf, type FunctionSource } from './source.ts'
import { isTensor, tensorText } from './tensor.ts'

export interface Captured {
  readonly nodes: readonly GraphNode[]
  readonly variables: readonly Variable[]
  /** Names that mean what the worker has under them. */
  readonly globals: ReadonlySet<string>
  /** Bytes of data, in all and by the variable that holds them. */
  readonly bytes: number
  readonly bytesBy: ReadonlyMap<string, number>
}

const text = (value: string): Value => ({ text: value })
const unset = text('undefined')

export class Capture {
  readonly #inspector: Inspector
  readonly #names: Names
  readonly #limit: number
  readonly #nodes: GraphNode[] = []
  readonly #known = new Map<unknown, GraphNode>()
  readonly #globals = new Set<string>()
  readonly #bytesBy = new Map<string, number>()
  #bytes = 0

  constructor(inspector: Inspector, limitBytes: number) {
    this.#inspector = inspector
    this.#names = new Names(inspector)
    this.#limit = limitBytes
  }

  /** All that was taken. Throws CLOSURE_REFUSED for a variable that several functions might share, or might not. */
  get captured(): Captured {
    return {
      nodes: this.#nodes,
      variables: this.#names.settled(),
      globals: this.#globals,
      bytes: this.#bytes,
      bytesBy: this.#bytesBy,
    }
  }

  async take(value: unknown, trail: Trail): Promise<Value> {
    const primitive = primitiveText(value)
    if (primitive !== undefined) {
      this.#count(trail, typeof value === 'string' ? primitive.length : 8)
      return text(primitive)
    }
    const known = this.#known.get(value)
    if (known !== undefined) {
      known.uses += 1
      return { node: known }
    }
    if (typeof value === 'symbol') return this.#symbol(value)
    const path = builtinPath(value as object)
    if (path !== undefined) {
      this.#globals.add(path.split('.')[0] ?? '')
      return text(path)
    }
    refuseBound(value as object, trail)
    return typeof value === 'function' ? await this.#function(value, trail) : await this.#object(value as object, trail)
  }

  #symbol(value: symbol): Value {
    const registered = symbolText(value)
    if (registered !== undefined) return text(registered)
    const make = `Symbol(${primitiveText(value.description) ?? ''})`
    return { node: this.#add(value, { ...this.#common('symbol'), kind: 'object', shape: 'other', make, entries: [] }) }
  }

  #common(name: string): Pick<GraphNode, 'name' | 'members' | 'uses'> {
    return { name, members: [], uses: 1 }
  }

  #add<N extends GraphNode>(value: unknown, node: N): N {
    this.#known.set(value, node)
    this.#nodes.push(node)
    return node
  }

  #count({ value }: Trail, bytes: number): void {
    const [variable = value] = /^[^.[]+/.exec(value) ?? []
    const own = (this.#bytesBy.get(variable) ?? 0) + bytes
    this.#bytesBy.set(variable, own)
    this.#bytes += bytes
  }

  /** Throws CLOSURE_TOO_LARGE. */
  #checkSize({ functions: [first = ''] }: Trail): void {
    if (this.#bytes <= this.#limit) return
    const largest = [...this.#bytesBy].sort(([, a], [, b]) => b - a).slice(0, 3)
    throw problem('CLOSURE_TOO_LARGE', {
      path: first,
      bytes: this.#bytes,
      limit: this.#limit,
      largest: largest.map(([name, bytes]) => `${name} has ${bytes}`).join(', '),
    })
  }

  // Functions

  async #function(fn: Function, trail: Trail): Promise<Value> {
    const source = readable(fn, trail)
    const { place, scopes } = await this.#inspector.look(fn)
    refuseForeign(fn, place, trail)
    const { kind } = source
    const node = this.#add(fn, {
      ...this.#common(nameOf(fn)),
      kind: 'function',
      source,
      bindings: [] as Binding[],
      place,
      prototypeMembers: [] as Member[],
    } satisfies FunctionNode)
    const scopeIds = this.#names.scopeIds(scopes, place, fn)
    const inner = into(trail, '')
    if (kind === 'function' && source.ownName !== undefined) this.#checkOwnName(fn, source.ownName, scopes, trail)
    const found = new Map<string, Variable | undefined>()
    for (const reference of source.references) {
      const binding = await this.#binding(reference, scopes, scopeIds, place, inner, found)
      if (binding !== undefined) node.bindings.push(binding)
    }
    node.members = await this.#members(fn, trail, isOwnOfFunction)
    const { prototype } = fn as { prototype?: unknown }
    if (typeof prototype === 'object' && prototype !== null && (kind === 'class' || kind === 'function'))
      node.prototypeMembers = await this.#members(prototype, member(trail, 'prototype'), isOwnOfPrototype)
    return { node }
  }

  /** Within a function its own name is the function itself; refused, where it is something else around it. */
  #checkOwnName(fn: Function, name: string, scopes: readonly Scope[], trail: Trail): void {
    const scope = scopes.find(({ variables }) => Object.hasOwn(variables, name))
    if (scope === undefined || scope.variables[name] === fn) return
    const reason = `its own name, ${name}, stands for something else around it`
    throw refusal(trail, reason, 'give one of the two another name')
  }

  async #binding(
    reference: Reference,
    scopes: readonly Scope[],
    scopeIds: readonly string[],
    place: Place | undefined,
    trail: Trail,
    found: Map<string, Variable | undefined>,
  ): Promise<Binding | undefined> {
    const { name, start, end, isShorthand, isAssigned, member: asked } = reference
    const at = scopes.findIndex(({ variables }) => Object.hasOwn(variables, name))
    const scope = scopes[at]
    const kept = this.#names.cellsOf(name, scope?.variables[name])
    if (kept !== undefined && asked === undefined)
      throw refusal({ ...trail, value: name }, 'it is the kernel’s own', 'name the variables themselves')
    // `globalThis.name` is a variable, too, where a cell has set it.
    const isOfGlobal = scope === undefined && asked !== undefined && isSetByUser(name, asked.name)
    const isMember = (kept !== undefined || isOfGlobal) && asked !== undefined
    const key = isMember ? `${name}.${asked.name}` : name
    if (!found.has(key)) {
      const variable =
        kept !== undefined && asked !== undefined
          ? await this.#names.cell(asked.name, kept)
          : scope === undefined
            ? await this.#global(isOfGlobal ? asked.name : name, trail)
            : await this.#names.local(name, scopes, at, scopeIds, place)
      found.set(key, variable?.variable)
      if (variable?.isNew === true) await this.#fill(variable.variable, variable.value, trail)
      if (variable === undefined) this.#globals.add(name)
    }
    const variable = found.get(key)
    if (variable === undefined) return undefined
    if (isAssigned && (isMember || asked === undefined)) variable.isAssigned = true
    return { start, end: isMember ? asked.end : end, isShorthand, variable }
  }

  async #global(name: string, trail: Trail) {
    if (knownGlobals.has(name)) return undefined
    const cells = this.#names.cellsWith(name)
    if (cells !== undefined) return await this.#names.cell(name, cells)
    if (!(name in globalThis)) return undefined
    if (name === 'Deno') {
      const remedy = 'use what Node has, too: `node:` modules, fetch, Web APIs'
      throw refusal({ ...trail, value: name }, 'workers run on Node, which has none', remedy)
    }
    return await this.#names.global(name)
  }

  async #fill(variable: Variable, value: unknown, trail: Trail): Promise<void> {
    if (variable.imported !== undefined) return
    variable.value = await this.take(value, { ...trail, value: variable.name })
    this.#checkSize(trail)
  }

  // Objects

  async #object(value: object, trail: Trail): Promise<Value> {
    const common = { ...this.#common(trail.value), kind: 'object', entries: [] as (readonly Value[])[] } as const
    if (isTensor(value)) {
      const { text: make, bytes } = await tensorText(value, trail)
      return this.#made(value, { ...common, shape: 'other', make }, bytes, trail)
    }
    const anew = remade(value, trail)
    if (anew !== undefined) return this.#made(value, { ...common, shape: 'other', make: anew.text }, anew.bytes, trail)
    if (types.isMap(value) || types.isSet(value)) return await this.#collection(value, common, trail)
    if (Array.isArray(value)) {
      if (Object.getPrototypeOf(value) !== Array.prototype) throw subclass(value, 'Array', trail)
      return await this.#filled(value, { ...common, shape: 'array', length: value.length }, trail)
    }
    if (types.isNativeError(value)) return await this.#error(value, common, trail)
    const inherits = await this.#inheritance(value, trail)
    return await this.#filled(
      value,
      { ...common, shape: 'plain', ...(inherits === undefined ? {} : { inherits }) },
      trail,
    )
  }

  #made(value: object, node: ObjectNode, bytes: number, trail: Trail): Value {
    this.#count(trail, bytes)
    this.#checkSize(trail)
    return { node: this.#add(value, node) }
  }

  async #collection(
    value: Map<unknown, unknown> | Set<unknown>,
    common: Pick<ObjectNode, 'name' | 'members' | 'uses' | 'kind' | 'entries'>,
    trail: Trail,
  ): Promise<Value> {
    const isMap = types.isMap(value)
    const [kind, adds] = isMap ? (['Map', 'set'] as const) : (['Set', 'add'] as const)
    if (Object.getPrototypeOf(value) !== (isMap ? Map : Set).prototype) throw subclass(value, kind, trail)
    const node = this.#add(value, { ...common, shape: 'other', make: `new ${kind}()`, adds } satisfies ObjectNode)
    for (const [key, each] of value.entries()) {
      const taken = [await this.take(key, member(trail, 'key'))]
      node.entries.push(isMap ? [...taken, await this.take(each, member(trail, String(key)))] : taken)
    }
    return { node }
  }

  async #error(
    value: Error,
    common: Pick<ObjectNode, 'name' | 'members' | 'uses' | 'kind' | 'entries'>,
    trail: Trail,
  ): Promise<Value> {
    const kind = builtinPath(value.constructor)
    const inherits = kind === undefined ? await this.#inheritance(value, trail) : undefined
    const make = `new ${kind ?? 'Error'}(${primitiveText(value.message) ?? ''})`
    return await this.#filled(
      value,
      { ...common, shape: 'other', make, ...(inherits === undefined ? {} : { inherits }) },
      trail,
    )
  }

  async #filled(value: object, node: ObjectNode, trail: Trail): Promise<Value> {
    this.#add(value, node)
    const skipped = types.isNativeError(value) ? ['message', 'stack'] : node.shape === 'array' ? ['length'] : []
    node.members = await this.#members(value, trail, (key) => skipped.includes(String(key)))
    const hardness = hardnessOf(value)
    if (hardness !== undefined) node.hardness = hardness
    return { node }
  }

  /** undefined: it is a plain object. */
  async #inheritance(value: object, trail: Trail): Promise<ObjectNode['inherits']> {
    const prototype = Object.getPrototypeOf(value) as object | null
    if (prototype === null) return { from: text('null'), isClass: false }
    if (prototype === Object.prototype) return undefined
    const made = Object.hasOwn(prototype, 'constructor') ? (prototype.constructor as unknown) : undefined
    if (typeof made !== 'function' || (made as { prototype?: unknown }).prototype !== prototype)
      return { from: await this.take(prototype, member(trail, '__proto__')), isClass: false }
    const privates = await this.#inspector.privateNames(value)
    const isA = `it is a ${nameOf(made)}`
    if (privates.length > 0) {
      const reason = `${isA}, which has private members (${privates.join(', ')}) that cannot be seen`
      throw refusal(trail, reason, 'make it inside of the function, or keep what it needs in plain data')
    }
    const owner = foreignOwner(made, (await this.#inspector.look(made)).place)
    if (owner !== undefined) {
      const remedy = isModelLike(value)
        ? 'make the model in the model generator; its weights can travel as tensors'
        : 'make it inside of the function, which runs on the workers'
      throw refusal(trail, `${isA} of ${owner}, which holds on to this process`, remedy)
    }
    return { from: await this.take(made, { functions: trail.functions, value: nameOf(made) }), isClass: true }
  }

  async #members(
    object: object,
    trail: Trail,
    isSkipped: (key: string | symbol, flags: PropertyDescriptor) => boolean,
  ) {
    const members: Member[] = []
    for (const key of Reflect.ownKeys(object)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(object, key)
      if (descriptor === undefined || shown.has(key) || isSkipped(key, descriptor)) continue
      const inner = member(trail, typeof key === 'symbol' ? `[${key.description ?? ''}]` : key)
      const named = await this.take(key, inner)
      const { writable = false, enumerable = false, configurable = false, get, set } = descriptor
      const flags = { writable, enumerable, configurable }
      if (get !== undefined || set !== undefined) {
        const accessor = {
          get: get === undefined ? unset : await this.take(get, inner),
          set: set === undefined ? unset : await this.take(set, inner),
        }
        members.push({ key: named, value: unset, flags, accessor })
        continue
      }
      const value = await this.take(descriptor.value, inner)
      const isUsual = (writable && enumerable && configurable) || hardnessOf(object) !== undefined
      members.push({ key: named, value, ...(isUsual && key !== '__proto__' ? {} : { flags }) })
    }
    return members
  }
}

/** A function's text, or why it has none. */
function readable(fn: Function, trail: Trail): FunctionSource {
  const written = Function.prototype.toString.call(fn)
  const source = sourceOf(written)
  if (source === undefined) {
    const isNative = /\[native code\]/.test(written)
    if (isNative && fn.name.startsWith('bound '))
      throw refusal(trail, 'it is a bound function', 'write an arrow function that calls it')
    if (isNative) throw refusal(trail, 'it is native code', 'call it inside of the function, by its name')
    throw refusal(trail, 'its text is no strict JavaScript', 'write it without `with`, octal numbers and the like')
  }
  if (source.usesEval)
    throw refusal(trail, 'it calls `eval`, which may use any name around it', 'write it without `eval`')
  if (source.usesSuper)
    throw refusal(
      trail,
      'it uses `super` of the object that it is a method of',
      'use a class as a whole, or a function',
    )
  if (source.kind === 'arrow' && source.usesThis)
    throw refusal(trail, 'it uses `this` or `arguments` of the function around it', 'keep that in a variable')
  if (source.staticPrivate !== undefined)
    throw refusal(trail, `its ${source.staticPrivate} is private and cannot be seen`, 'make it public, or a variable')
  return source
}

function refuseForeign(fn: Function, place: Place | undefined, trail: Trail): void {
  const owner = foreignOwner(fn, place)
  if (owner === undefined) return
  const remedy = `use it by the name under which it is imported (\`import { ${nameOf(fn)} } from …\`)`
  throw refusal(trail, `it belongs to ${owner}`, remedy)
}

/** Node itself, a package, or maggy: what is theirs is there on the worker, or is imported there. */
function foreignOwner(fn: Function, place: Place | undefined): string | undefined {
  const url = place?.script.url ?? ''
  if (/^(node|ext|internal):/.test(url)) return url
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  const within = path.split(/[\\/]node_modules[\\/]/)
  const inPackage = within.length > 1 ? (within.at(-1) ?? '').replaceAll('\\', '/') : undefined
  if (inPackage !== undefined) return inPackage.split('/', inPackage.startsWith('@') ? 2 : 1).join('/')
  const own = packageRoot()
  const isOwn = ['dist/src', 'dist/protocol', 'src', 'protocol'].some((room) => path.startsWith(`${own}/${room}/`))
  if (isOwn) return 'maggy'
  return place === undefined && /\[native code\]/.test(Function.prototype.toString.call(fn)) ? 'this engine' : undefined
}

const isSetByUser = (object: string, name: string): boolean =>
  (object === 'globalThis' || object === 'global') && !knownGlobals.has(name) && Object.hasOwn(globalThis, name)

const nameOf = (fn: Function): string => {
  const { value } = Object.getOwnPropertyDescriptor(fn, 'name') ?? {}
  return typeof value === 'string' ? value : ''
}

const isModelLike = (value: object): boolean => 'layers' in value && 'countParams' in value

/** How an object shows itself in this process is of no use on a worker. */
const shown: ReadonlySet<string | symbol> = new Set([
  Symbol.for('nodejs.util.inspect.custom'),
  Symbol.for('Jupyter.display'),
  Symbol.for('Deno.customInspect'),
])

function hardnessOf(object: object): Hardness | undefined {
  if (Object.isExtensible(object)) return undefined
  if (Object.isFrozen(object)) return 'frozen'
  return Object.isSealed(object) ? 'sealed' : 'fixed'
}

/** What its text makes anyhow: `length`, `name`, `prototype`, methods. */
const isOwnOfFunction = (key: string | symbol, { enumerable = false }: PropertyDescriptor): boolean =>
  !enumerable || key === 'prototype'
const isOwnOfPrototype = (key: string | symbol, { enumerable = false }: PropertyDescriptor): boolean =>
  !enumerable || key === 'constructor'
