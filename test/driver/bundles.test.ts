import { createHash } from 'node:crypto'
import { beforeEach, expect, it } from 'vitest'
import { ServedBundles } from '../../actors/driver/bundles.ts'
import { bundleBucket, checkBundle, codeOf, partBytes, readBundle } from '../../protocol/index.ts'
import { ask, createMemoryNetwork, type Bus } from '../../src/bus/index.ts'
import { TestClock } from '../support/clock.ts'

const size = 2 * partBytes + 1000
const code = Uint8Array.from({ length: size }, (_, i) => (i * i) % 251)
const sha256 = createHash('sha256').update(code).digest('hex')
const timeoutMs = 5_000

let clock: TestClock
let worker: Bus
let served: ServedBundles
/** Times that the store was opened for code. */
let opened: number

beforeEach(() => {
  clock = new TestClock()
  const network = createMemoryNetwork()
  const bus = network.connect('driver')
  worker = network.connect('w1')
  opened = 0
  const blobs = {
    ...bus.blobs,
    reader: (bucket: string, name: string) => {
      opened += 1
      return bus.blobs.reader(bucket, name)
    },
  }
  served = new ServedBundles({ ...bus, blobs }, clock)
  served.serve(() => undefined)
})

const part = (offset: number, bundle = sha256) =>
  ask(worker, readBundle, { worker: 'w1', bundle }, { offset }, { timeoutMs })
const put = (data: Uint8Array, name = sha256) => worker.blobs.put(bundleBucket, name, data)

async function whole(): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for (let read = 0; read < size; read += parts.at(-1)?.length ?? size) parts.push((await part(read)).data)
  return Buffer.concat(parts)
}

it('many who begin together read the same bytes, which are read from the store once', async () => {
  await put(code)
  for (const read of await Promise.all([whole(), whole(), whole()])) expect(read.equals(code)).toBe(true)
  expect(await part(0)).toMatchObject({ bytes: size, sha256 })
  expect(opened).toBe(1)
})

it('from any offset on comes what lies there, and nothing after the end', async () => {
  await put(code)
  for (const offset of [1, partBytes - 1, partBytes + 7, size - 1]) {
    const { data } = await part(offset)
    expect(data.length).toBeGreaterThan(0)
    expect(Buffer.compare(data, code.subarray(offset, offset + data.length))).toBe(0)
  }
  for (const offset of [size, size + 1, 100 * partBytes]) expect((await part(offset)).data.length).toBe(0)
})

it('code of whole parts, and of no bytes, ends where it ends', async () => {
  const even = code.slice(0, 2 * partBytes)
  for (const data of [even, new Uint8Array()]) {
    const name = createHash('sha256').update(data).digest('hex')
    await put(data, name)
    const end = await part(data.length, name)
    expect([end.bytes, end.sha256, end.data.length]).toEqual([data.length, name, 0])
  }
})

it('what nobody asks for any more is let go of, and read again when somebody does', async () => {
  await put(code)
  await part(0)
  clock.increment(29_000)
  served.tick()
  await part(partBytes)
  expect(opened).toBe(1)
  clock.increment(29_000)
  served.tick()
  await part(0)
  expect(opened).toBe(1)
  clock.increment(30_000)
  served.tick()
  await part(0)
  expect(opened).toBe(2)
})

it('code that does not have its hash is as if it were not there, until it is written anew', async () => {
  const known = () => ask(worker, checkBundle, {}, { sha256 }, { timeoutMs })
  await put(code.slice(1))
  expect(await known()).toEqual({ known: false })
  expect(await part(0).catch(codeOf)).toBe('BUNDLE_MISSING')
  await put(code)
  expect(await known()).toEqual({ known: true })
  expect((await whole()).equals(code)).toBe(true)
})
