import { expect, test } from 'vitest'
import { streams } from '../../protocol/index.ts'
import { addressOf, configurationText } from '../../src/server/configuration.ts'
import { optionsFrom } from '../../src/server/index.ts'

const plain = { host: '127.0.0.1', port: -1, data: '/data', maxPayloadBytes: 8_388_608 }

test('what is acknowledged is synced, and a peer that is cut off is noticed within a minute', () => {
  const text = configurationText(plain)
  expect(text).toContain('sync_interval: always')
  expect(text).toContain('ping_interval: "20s"\nping_max: 2\n')
  expect(text).not.toContain('authorization')
  expect(text).not.toContain('http')
})

test('a token or a path with quotes in it stays one string', () => {
  const text = configurationText({ ...plain, data: '/a "b"', token: 'x" }\nport: 1' })
  expect(text).toContain(String.raw`store_dir: "/a \"b\""`)
  expect(text).toContain(String.raw`token: "x\" }\nport: 1"`)
})

test('the store has room for what the streams reserve', () => {
  const limit = Number(/max_file_store: (\d+)/.exec(configurationText(plain))?.[1])
  const reserved = Object.values(streams).reduce((sum, stream) => sum + stream.maxBytes, 0)
  expect(limit).toBeGreaterThan(2 * reserved)
})

test('the address is one that clients can use', () => {
  expect(addressOf('127.0.0.1', 4222, undefined)).toBe('nats://127.0.0.1:4222')
  expect(addressOf('0.0.0.0', 4222, 'a/b@c')).toBe('nats://a%2Fb%40c@127.0.0.1:4222')
  expect(addressOf('::1', 4222, 't')).toBe('nats://t@[::1]:4222')
})

test('flags become options, and MAGGY_TOKEN is the token where none is given', () => {
  expect(optionsFrom({ port: '4333', data: 'd' }, {})).toEqual({ port: 4333, data: 'd' })
  expect(optionsFrom({ random: true }, { MAGGY_TOKEN: 't' })).toEqual({ port: -1, token: 't' })
  expect(optionsFrom({ token: 'u' }, { MAGGY_TOKEN: 't' })).toEqual({ token: 'u' })
})

test.each(['', 'x', '70000', '1.5', '-2'])('the port %j is refused by name', (port) => {
  expect(() => optionsFrom({ port }, {})).toThrow(/^--port: .* is no port/)
})
