/** What a dataset generator gives is cut into shards that are disjoint, of one size, and together nearly all of it. */
import * as tf from '@tensorflow/tfjs'
import { describe, expect, it } from 'vitest'
import { createShards, type Shards } from '../../src/train/shards.ts'

const shardsOf = (count: number, index: number): Shards =>
  createShards({ tf, count, index, seed: 3, onVariable: () => undefined })

/** What each of three members gets of `value`. */
const cutInThree = (value: () => unknown): unknown[] => [0, 1, 2].map((index) => shardsOf(3, index).cut(value()))

describe('A shard', () => {
  it('of arrays and typed arrays is every third row', () => {
    const parts = cutInThree(() => ({ xs: Float32Array.from({ length: 14 }, (_, i) => i), ys: [0, 1, 2, 3, 4, 5, 6] }))
    expect(parts).toEqual([
      { xs: Float32Array.of(0, 1, 6, 7), ys: [0, 3] },
      { xs: Float32Array.of(2, 3, 8, 9), ys: [1, 4] },
      { xs: Float32Array.of(4, 5, 10, 11), ys: [2, 5] },
    ])
  })

  it('leaves what is for tests whole, and what has another length', () => {
    const [first] = cutInThree(() => ({ train: { xs: [1, 2, 3], names: ['a', 'b'] }, test: { xs: [4, 5, 6] } }))
    expect(first).toEqual({ train: { xs: [1], names: ['a', 'b'] }, test: { xs: [4, 5, 6] } })
    expect(cutInThree(() => ({ xs: [1, 2, 3], testXs: [4, 5, 6] }))[1]).toEqual({ xs: [2], testXs: [4, 5, 6] })
  })

  it('of a tensor changes its rows with each epoch, and stays disjoint from the others', () => {
    const members = [0, 1, 2].map((index) => shardsOf(3, index))
    const parts = members.map((shards) => shards.cut(tf.range(0, 30)) as tf.Tensor1D)
    const before = parts.map((part) => [...part.dataSync()])
    for (const shards of members) shards.shuffle()
    const after = parts.map((part) => [...part.dataSync()])
    expect(after).not.toEqual(before)
    for (const rows of [before, after]) expect(new Set(rows.flat()).size).toBe(30)
  })

  it('of a tensor becomes another when the ring changes', () => {
    const [moved, other] = [shardsOf(3, 0), shardsOf(3, 2)]
    const part = moved.cut(tf.range(0, 30)) as tf.Tensor1D
    moved.move(2)
    expect([...part.dataSync()]).toEqual([...(other.cut(tf.range(0, 30)) as tf.Tensor1D).dataSync()])
    expect(moved.holds([part])).toBe(true)
  })

  it('of a tf.data.Dataset is every third element, and an incomplete last group sits out', async () => {
    const parts = cutInThree(() => tf.data.array([0, 1, 2, 3, 4, 5, 6, 7])) as tf.data.Dataset<number>[]
    expect(parts.map(({ size }) => size)).toEqual([2, 2, 2])
    expect(await Promise.all(parts.map((part) => part.toArray()))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ])
  })

  it('needs a sample at least', () => {
    expect(() => shardsOf(3, 0).cut([1, 2])).toThrow('the dataset has 2 samples, and is to be cut in 3 shards')
  })
})
