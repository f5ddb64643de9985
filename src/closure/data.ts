/** Values that are no plain objects and no functions: those that can be made anew from their data, and those that cannot travel. */
import { types } from 'node:util'
import { refusal, type Trail } from './refusal.ts'

const stays = Symbol.for('maggy.stays')

const openInside = 'make it inside of the function, which runs on the workers'

/** Throws CLOSURE_REFUSED for what is bound to this process. */
export function refuseBound(value: object, trail: Trail): void {
  const refuse = (what: string, remedy = openInside): never => {
    throw refusal(trail, what, remedy)
  }
  if (types.isProxy(value)) refuse('it is a Proxy, and what is behind it cannot be seen', 'use the object behind it')
  const own = (value as { readonly [stays]?: string })[stays]
  if (own !== undefined) refuse(own, 'use what it holds, not it')
  // Deno has no such values, and does not ask.
  if ((types as Partial<typeof types>).isExternal?.(value) === true) refuse('it is a handle of native code')
  if (types.isPromise(value)) refuse('it is a promise', 'await it in a cell, and use what it came to')
  if (types.isWeakMap(value) || types.isWeakSet(value) || value instanceof WeakRef)
    refuse(`it is a ${nameOf(value)}, whose contents cannot be seen`, 'use a Map or a Set')
  if (types.isGeneratorObject(value) || types.isMapIterator(value) || types.isSetIterator(value))
    refuse('it is an iterator that is under way', 'call the generator function inside of the function')
  if (types.isSharedArrayBuffer(value)) refuse('it is memory that is shared with this process', 'copy it')
  if (types.isArgumentsObject(value)) refuse('it is the `arguments` of a call', 'use `[...arguments]`')
  if (types.isModuleNamespaceObject(value))
    refuse('it is a module that no import statement of this script names', 'import it by `import * as name from …`')
}

const nameOf = (value: object): string => value.constructor.name

/** An expression that makes it anew, and how many bytes of data it holds; undefined: it is none of these. */
export function remade(value: object, trail: Trail): { readonly text: string; readonly bytes: number } | undefined {
  if (types.isDate(value)) return of(value, Date, trail, `new Date(${value.getTime()})`, 8)
  if (types.isRegExp(value)) {
    const text = `new RegExp(${quoted(value.source)}, ${quoted(value.flags)})`
    return of(value, RegExp, trail, text, text.length)
  }
  if (types.isBoxedPrimitive(value)) return { text: `Object(${primitiveText(value.valueOf()) ?? ''})`, bytes: 8 }
  if (types.isArrayBuffer(value)) return { text: `${bytesText(new Uint8Array(value))}.buffer`, bytes: value.byteLength }
  if (!ArrayBuffer.isView(value)) return undefined
  const { buffer, byteOffset, byteLength } = value
  const bytes = bytesText(new Uint8Array(buffer, byteOffset, byteLength))
  if (Buffer.isBuffer(value)) return { text: `Buffer.from(${bytes}.buffer)`, bytes: byteLength }
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  const isOwn = Object.getPrototypeOf(value) === (Reflect.get(globalThis, kind) as { prototype: object }).prototype
  if (!isOwn) throw subclass(value, kind, trail)
  return { text: `new ${kind}(${bytes}.buffer)`, bytes: byteLength }
}

function of(value: object, kind: { prototype: object; name: string }, trail: Trail, text: string, bytes: number) {
  if (Object.getPrototypeOf(value) !== kind.prototype) throw subclass(value, kind.name, trail)
  return { text, bytes }
}

export const subclass = (value: object, kind: string, trail: Trail) =>
  refusal(trail, `it is a ${nameOf(value)}, a class of your own that extends ${kind}`, `use a plain ${kind}`)

/** Bytes as an expression: a Uint8Array over a buffer of its own. */
export const bytesText = (bytes: Uint8Array): string =>
  `maggy$bytes(${quoted(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'))})`

/** A string as JavaScript has it; JSON leaves two signs as they are that older engines take for ends of lines. */
export const quoted = (text: string): string =>
  JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')

/** undefined: it is an object, a function or a symbol. */
export function primitiveText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
      return String(value)
    case 'undefined':
      return 'undefined'
    default:
      return value === null ? 'null' : undefined
  }
}

/** undefined: a symbol that only this process has. */
export function symbolText(value: symbol): string | undefined {
  const registered = Symbol.keyFor(value)
  if (registered !== undefined) return `Symbol.for(${quoted(registered)})`
  const known = Object.getOwnPropertyNames(Symbol).find((name) => Reflect.get(Symbol, name) === value)
  return known === undefined ? undefined : `Symbol.${known}`
}
