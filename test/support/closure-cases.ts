/**
 * Functions that close over all sorts of things: each is shipped, loaded as a worker loads it, and called there and here. A program of
 * its own, for what it tries is what Node makes of a module, not what a test runner makes of it. Prints a line of JSON a case.
 */
import * as tf from '@tensorflow/tfjs'
import { EventEmitter } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { basename as nameOf, join } from 'node:path'
import * as path from 'node:path'
import { inspect } from 'node:util'
import * as maggy from '../../src/index.ts'
import { importBundle } from '../../src/bundle/index.ts'
import { ship } from '../../src/notebook/ship.ts'
import { isProblem } from '../../protocol/index.ts'
import { specOf } from '../../src/experiment/index.ts'
import { provideHost } from '../../src/train/index.ts'

type Train = (args: { readonly hparams: { readonly x: number } }) => unknown
interface Case {
  readonly name: string
  readonly train: Train
}

const cases: Case[] = []
const add = (name: string, train: Train) => cases.push({ name, train })

// Data
const plain = { a: 1, b: [1, -0, NaN, Infinity, null, undefined, 'ä\u2028"', 12n], c: { d: true } }
add('plain data', () => plain)
const circle: { name: string; self?: unknown; list: unknown[] } = { name: 'circle', list: [] }
circle.self = circle
circle.list.push(circle)
add('a circle', () => [circle.self === circle, circle.list[0] === circle, circle.name])
const common = { n: 1 }
const [left, right] = [{ common }, { common }]
add('an object that two share', () => {
  left.common.n += 1
  return [right.common.n, left.common === right.common]
})
const typed = { f: new Float32Array([1.5, -2]), u: new Uint8Array([1, 2]).subarray(1), b: Buffer.from('hello') }
const view = new DataView(new ArrayBuffer(4))
view.setInt16(0, -7)
add('typed arrays, buffers, views', () => [typed, view.getInt16(0), typed.b.toString()])
const collections = new Map<unknown, unknown>([['k', new Set([1, common])]])
add('maps, sets, dates, patterns', () => [collections, new Date(5), /a"b/giu])
const dated = { at: new Date(86_400_000), pattern: /x\/y/g, error: new RangeError('far') }
add('objects of the language', () => [
  dated.at.toISOString(),
  dated.pattern.source,
  dated.error.message,
  dated.error.name,
])
const odd = Object.freeze(Object.assign(Object.create(null) as object, { __proto__x: 1, [Symbol.for('s')]: 2 }))
add('no prototype, frozen', () => [Object.getPrototypeOf(odd), Object.isFrozen(odd), inspect(odd)])
const own = JSON.parse('{"__proto__": 5}') as object
add('a key named __proto__', () => [Object.keys(own), Object.getPrototypeOf(own) === Object.prototype])
const sparse: unknown[] = []
sparse[3] = 'x'
add('an array with holes', () => [sparse.length, 0 in sparse, sparse[3]])
const withAccessors = {
  n: 2,
  get double() {
    return this.n * 2
  },
  set double(value: number) {
    this.n = value / 2
  },
}
add('getters and setters', () => {
  withAccessors.double = 10
  return [withAccessors.n, withAccessors.double]
})
const local = Symbol('own')
const keyed = { [local]: 1, [Symbol.iterator]: function* () { yield 7 } } // prettier-ignore
add('symbols', () => [keyed[local], [...keyed], local.description])

// Functions
const scale = 3
const twice = (n: number) => n * 2 * scale
add('nested functions', ({ hparams }) => [1, 2].map((n) => twice(n) + hparams.x))
function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1)
}
add('recursion', () => factorial(5))
const isEven = (n: number): boolean => n === 0 || isOdd(n - 1)
const isOdd = (n: number): boolean => n !== 0 && isEven(n - 1)
add('mutual recursion', () => [isEven(10), isOdd(10)])
let changing = () => 'first'
const usesChanging = () => changing()
changing = () => 'second'
add('a function that was replaced', () => usesChanging())
let counted = 1
const count = () => (counted += 1)
add('a variable that several assign to', () => [count(), count(), counted])
const makeCounter = (start: number) => {
  let n = start
  return { next: () => (n += 1), now: () => n }
}
const counter = makeCounter(10)
add('state of a closure', () => [counter.next(), counter.next(), counter.now()])
const [twin, other] = [makeCounter(1), makeCounter(5)]
add('two closures of one function', () => [twin.next(), other.next(), twin.now(), other.now()])
async function* slowly(n: number) {
  for (let i = 0; i < n; i += 1) yield await Promise.resolve(i)
}
add('async generators', async () => {
  const got: number[] = []
  for await (const i of slowly(3)) got.push(i)
  return got
})
function* powers(base: number) {
  for (let n = 1; n < 20; n *= base) yield n
}
add('generators', () => [...powers(3)])
const methods = {
  plain(n: number) {
    return n + scale
  },
  async later(n: number) {
    return await Promise.resolve(n + scale)
  },
  *each() {
    yield scale
  },
}
add('methods', async () => [methods.plain(1), await methods.later(2), [...methods.each()]])
const tagged = Object.assign(() => tagged.label, { label: 'a property of a function' })
add('properties of functions', () => tagged())
add('arrow and name', () => [twice.name, factorial.name, methods.plain.name])
const defaults = ({ a = scale, b: { c = twice(a) } = {} }: { a?: number; b?: { c?: number } } = {}) => a + c
add('defaults of parameters', () => defaults())

// Shadowed names
const n = 'outer'
const inner = (
  (n: number) => () =>
    n
)(7)
add('shadowed names', () => [n, inner(), ((n: string) => n)('own')])
const shadows = { Math: 'mine' }
{
  const Math = shadows.Math
  add('a name of the language that is shadowed', () => [Math, globalThis.Math.max(1, 2)])
}
add('the name of the language', () => Math.max(3, 4))
const sameName = [1, 2].map((value) => {
  const held = value * 10
  return () => held
})
add('one name, two scopes', () => sameName.map((one) => one()))
const shorthand = ((counted: number) => () => ({ counted }))(99)
add('shorthand of a renamed name', () => [shorthand(), { counted }])

// Classes
class Base {
  static made = 3
  readonly n: number
  constructor(n: number) {
    this.n = n * scale
  }
  get twice() {
    return this.n * 2
  }
  static of(n: number) {
    return new this(n)
  }
}
class Derived extends Base {
  #secret = 4
  describe() {
    return `${super.twice} ${this.#secret}`
  }
}
add('classes', () => [new Derived(2).describe(), Base.of(1).n, Base.made, new Derived(1) instanceof Base])
const instance = new Base(2)
add('an instance', () => [instance.twice, instance instanceof Base, instance.constructor.name])
class Failure extends Error {
  readonly code = 7
}
add('an error of one’s own', () => [new Failure('x').code, new Failure('x') instanceof Failure])

// Imports
add('imports by name, renamed, whole', () => [join('a', 'b'), nameOf('c/d'), path.extname('e.f')])
add('tfjs', () => tf.tensor1d([1, 2]).mul(2).arraySync())
const tensor = tf.tensor2d([[1, 2], [3, 4]]) // prettier-ignore
const flags = tf.tensor1d([true, false], 'bool')
const texts = tf.tensor1d(['a', 'ö'])
add('tensors', () => [tensor.matMul(tensor).arraySync(), flags.dtype, flags.arraySync(), texts.arraySync()])
const variable = tf.variable(tf.scalar(5), true)
add('a variable of tfjs', () => [variable.dataSync()[0], variable.trainable])

// What cannot travel
const socket = new Socket()
add('refused: a socket', () => socket.connecting)
const wrapped = { deep: [{ server: createServer() }] }
add('refused: a server within data', () => wrapped.deep[0]?.server.listening)
const secret = new Derived(1)
add('refused: private members', () => secret.describe())
const proxy = new Proxy({ a: 1 }, {})
add('refused: a proxy', () => proxy.a)
const weak = new WeakMap([[common, 1]])
add('refused: a WeakMap', () => weak.get(common))
const bound = twice.bind(null)
add('refused: a bound function', () => bound(1))
const waiting = Promise.resolve(1)
add('refused: a promise', () => waiting)
const running = powers(2)
add('refused: an iterator', () => running.next())
const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
add('refused: a model', () => model.layers.length)
const gone = tf.scalar(1)
gone.dispose()
add('refused: a disposed tensor', () => gone.dataSync())
const emitter = new EventEmitter()
add('refused: an emitter', () => emitter.listenerCount('x'))
class Hidden {
  readonly own = 1
  static #n = 1
  static get n() {
    return Hidden.#n
  }
}
add('refused: static private members', () => Hidden.n)
add('refused: eval', () => eval('1 + 1') as number) // eslint-disable-line no-eval
const notebookItself = maggy.createSearch
const borrowed = { search: notebookItself }
add('refused: a function of maggy as a value', () => typeof borrowed.search)
const makeStep = () => {
  let steps = 0
  return () => (steps += 1)
}
const [stepA, stepB] = [makeStep(), makeStep()]
add('refused: twins that cannot be told apart', () => [stepA(), stepA(), stepB()])

/** All that ship go in one module, loaded as on a worker, and are called there in their order, as they are here. */
async function main(): Promise<void> {
  provideHost(maggy)
  const folder = await mkdtemp(join(tmpdir(), 'maggy-closures-'))
  const isRefused = ({ name }: Case) => name.startsWith('refused')
  const shipped = cases.filter((one) => !isRefused(one))
  const models = Object.fromEntries(shipped.map(({ name, train }) => [name, train]))
  const { code, sha256 } = await ship({ name: 'closure', train: () => 1, models }, { name: 'closure' })
  const file = join(folder, `${sha256}.cjs`)
  await writeFile(file, code, { mode: 0o600 })
  const there = specOf(await importBundle(file, sha256, 'closure.mjs')).models as Record<string, Train>
  const given = { hparams: { x: 2 } }
  const show = (value: unknown) => inspect(value, { depth: 9 })
  for (const { name, train } of shipped) {
    const [far, here] = [await there[name]?.(given), await train(given)]
    say({ name, shipped: show(far), here: show(here) })
  }
  for (const { name, train } of cases.filter(isRefused)) {
    try {
      await ship({ name: 'closure', train }, { name: 'closure' })
      say({ name, code: 'shipped' })
    } catch (error) {
      say({ name, code: isProblem(error) ? error.code : 'none', message: String(error) })
    }
  }
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

await main()
process.exit(0)
