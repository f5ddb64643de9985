import { tmpdir } from 'node:os'
import nodeProcess from 'node:process'
import { expect, test } from 'vitest'
import { rememberSurroundings } from '../../actors/worker/surroundings.ts'

test('what was changed is as it was: built-ins, prototypes, environment, listeners, exit code', () => {
  const putBack = rememberSurroundings()
  const members = (): unknown[] => [
    Math.random,
    globalThis.fetch,
    Reflect.get(globalThis.console, 'log'),
    Reflect.get(Array.prototype, 'map'),
  ]
  const before = members()
  const home = process.env['HOME']
  const listener = () => undefined
  const had = process.listenerCount('beforeExit')
  Math.random = () => 0
  globalThis.fetch = () => Promise.reject(new Error('patched'))
  globalThis.console.log = () => undefined
  Object.assign(Array.prototype, { map: () => [], extra: 1 })
  Object.assign(Error, { prepareStackTrace: () => 'nothing' })
  Reflect.deleteProperty(Object, 'groupBy')
  Reflect.deleteProperty(globalThis, 'structuredClone')
  process.env['HOME'] = tmpdir()
  process.env['MAGGY_TEST_LEFT'] = '1'
  process.exitCode = 3
  process.on('beforeExit', listener)
  putBack()
  expect(members()).toEqual(before)
  expect('extra' in []).toBe(false)
  expect(typeof structuredClone).toBe('function')
  expect(process.env['HOME']).toBe(home)
  expect(process.env['MAGGY_TEST_LEFT']).toBeUndefined()
  expect(process.exitCode).toBeUndefined()
  expect(process.listenerCount('beforeExit')).toBe(had)
})

test('listeners that were taken away are there again', () => {
  const listener = () => undefined
  process.on('SIGUSR2', listener)
  const putBack = rememberSurroundings()
  process.removeAllListeners('SIGUSR2')
  putBack()
  expect(process.listeners('SIGUSR2')).toEqual([listener])
  process.off('SIGUSR2', listener)
})

test('what was added to globalThis stays: trials may share what is dear to load', () => {
  const putBack = rememberSurroundings()
  Object.assign(globalThis, { dearToLoad: { at: 1 } })
  putBack()
  expect(Reflect.get(globalThis, 'dearToLoad')).toEqual({ at: 1 })
  Reflect.deleteProperty(globalThis, 'dearToLoad')
})

const symbol = Symbol('of a trial')
const arrays: object = Array.prototype
const maps: object = Map.prototype
const sets: object = Set.prototype
const describe = (root: object, key: string | symbol) => Reflect.getOwnPropertyDescriptor(root, key)

/** Ways to change a built-in object; each returns the object and the member that it has changed. */
const changes: Readonly<Record<string, () => readonly [object, string | symbol]>> = {
  'a value is another one': () => [Object.assign(Math, { random: () => 0 }), 'random'],
  'a value is gone': () => [(Reflect.deleteProperty(Array.prototype, 'flat'), Array.prototype), 'flat'],
  'a value was added': () => [Object.assign(String.prototype, { extra: 1 }), 'extra'],
  'a value was added under a symbol': () => [Object.assign(Map.prototype, { [symbol]: 1 }), symbol],
  'a value was added to an object whose members are shown': () => [Object.assign(console, { [symbol]: 1 }), symbol],
  'a hidden value was added': () => [Object.defineProperty(arrays, 'hidden', hidden), 'hidden'],
  'hidden values were added': () => [Object.defineProperties(sets, { hidden }), 'hidden'],
  'a hidden value was added by Reflect': () => [(Reflect.defineProperty(JSON, 'hidden', hidden), JSON), 'hidden'],
  'a getter is another one': () => [Object.defineProperty(maps, 'size', { get: () => 7 }), 'size'],
  'a getter stands in the place of a value that it returns': () => {
    const { floor } = Math
    return [Object.defineProperty(Math, 'floor', { get: () => floor }), 'floor']
  },
  'a getter was added in the old way': () => {
    const add = Reflect.get(Object.prototype, '__defineGetter__') as (name: string, get: () => unknown) => void
    add.call(Promise.prototype, 'old', () => 1)
    return [Promise.prototype, 'old']
  },
  'a getter is gone': () => [(Reflect.deleteProperty(Set.prototype, 'size'), Set.prototype), 'size'],
  'a value cannot be written any more': () => [Object.defineProperty(Math, 'ceil', { writable: false }), 'ceil'],
  'a member of a class without a name of its own': () => {
    const typed = Object.getPrototypeOf(Int8Array.prototype) as object
    return [Object.assign(typed, { fill: () => undefined }), 'fill']
  },
}
const hidden: PropertyDescriptor = { value: 1, configurable: true, writable: true, enumerable: false }

test.each(Object.keys(changes))('it is put back after a trial of which nothing is looked at closely: %s', (name) => {
  const putBack = rememberSurroundings()
  const watched = [
    Math,
    Array.prototype,
    String.prototype,
    Map.prototype,
    Set.prototype,
    Promise.prototype,
    JSON,
    console,
  ]
  const typed = Object.getPrototypeOf(Int8Array.prototype) as object
  const before = [...watched, typed].map((root) => [root, Object.getOwnPropertyDescriptors(root)] as const)
  const [root, key] = changes[name]?.() ?? [Math, '']
  const was: Record<string | symbol, PropertyDescriptor> | undefined = before.find(([one]) => one === root)?.[1]
  expect(describe(root, key)).not.toEqual(was?.[key])
  putBack(0)
  expect(describe(root, key)).toEqual(was?.[key])
})

test('environment variables are put back, however the environment was come by, and in the place of another object', () => {
  const ways: readonly (() => NodeJS.ProcessEnv)[] = [
    () => process.env,
    () => nodeProcess.env,
    () => (process.env = { ...process.env }),
  ]
  for (const way of ways) {
    const putBack = rememberSurroundings()
    const own = process.env
    const environment = way()
    environment['MAGGY_TEST_LEFT'] = '1'
    putBack(0)
    expect(process.env).toBe(own)
    expect(process.env['MAGGY_TEST_LEFT']).toBeUndefined()
    // Who has it may change it later.
    own['MAGGY_TEST_LEFT'] = '2'
    putBack(0)
    expect(process.env['MAGGY_TEST_LEFT']).toBeUndefined()
  }
})
