import { tmpdir } from 'node:os'
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
