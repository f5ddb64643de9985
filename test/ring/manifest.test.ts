import { describe, expect, test } from 'vitest'
import { createMemoryNetwork } from '../../src/bus/index.ts'
import {
  agreeOnManifest,
  createManifest,
  createRoundTrip,
  variableAt,
  type VariableSpec,
} from '../../src/ring/index.ts'
import { ringOn } from './support.ts'

const variables: VariableSpec[] = [
  { name: 'conv/kernel', shape: [3, 3, 1, 8], dtype: 'float32' },
  { name: 'conv/bias', shape: [8], dtype: 'float32' },
  { name: 'scalar', shape: [], dtype: 'float32' },
]

describe('a manifest', () => {
  test('lays all variables one after the other, and finds them again by an element', () => {
    const manifest = createManifest(variables)
    expect(manifest.entries.map(({ offset, length }) => [offset, length])).toEqual([
      [0, 72],
      [72, 8],
      [80, 1],
    ])
    expect(manifest.length).toBe(81)
    expect(variableAt(manifest, 71)?.name).toBe('conv/kernel')
    expect(variableAt(manifest, 72)?.name).toBe('conv/bias')
    expect(variableAt(manifest, 81)).toBeUndefined()
  })

  test('has a hash that depends on names, shapes, dtypes and order', () => {
    const { hash } = createManifest(variables)
    expect(createManifest([...variables]).hash).toBe(hash)
    const others = [
      variables.toReversed(),
      variables.slice(1),
      variables.map((one) => ({ ...one, name: `${one.name}_1` })),
      variables.map((one) => ({ ...one, dtype: 'int32' })),
      variables.with(0, { name: 'conv/kernel', shape: [3, 3, 8, 1], dtype: 'float32' }),
    ]
    for (const other of others) expect(createManifest(other).hash).not.toBe(hash)
  })

  test('that is the same on all ranks is agreed on; one that differs is named, on every rank alike', async () => {
    const { rings } = ringOn(createMemoryNetwork(), 3, { chunkBytes: 1024 })
    const agreed = await Promise.all(rings.map((ring) => agreeOnManifest(ring, createManifest(variables))))
    expect(agreed.map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
    const wider = variables.with(1, { name: 'conv/bias', shape: [16], dtype: 'float32' })
    const outcomes = await Promise.all(
      rings.map((ring, rank) => agreeOnManifest(ring, createManifest(rank === 2 ? wider : variables))),
    )
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: 'fault', code: 'RING_MANIFEST_DIFFERS' })
      const message = outcome.kind === 'fault' ? outcome.problem.message : ''
      expect(message).toContain('conv/bias float32[8] on rank 0')
      expect(message).toContain('conv/bias float32[16] on rank 2')
    }
  })
})

describe('patience with a neighbour', () => {
  test('follows the measured round trips, within its bounds', () => {
    const trip = createRoundTrip({ minMs: 10, maxMs: 2000 })
    expect(trip.patienceMs).toBe(1000)
    trip.measured(100)
    expect(trip.patienceMs).toBe(300)
    for (let i = 0; i < 200; i += 1) trip.measured(100)
    expect(trip.patienceMs).toBeCloseTo(100, 0)
    for (let i = 0; i < 200; i += 1) trip.measured(1)
    expect(trip.patienceMs).toBe(10)
  })

  test('doubles with each answer that stays out, up to its bound', () => {
    const trip = createRoundTrip({ minMs: 10, maxMs: 2000 })
    trip.measured(100)
    const seen = [1, 2, 3, 4].map(() => {
      trip.expired()
      return trip.patienceMs
    })
    expect(seen).toEqual([600, 1200, 2000, 2000])
  })
})
