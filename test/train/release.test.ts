import * as tf from '@tensorflow/tfjs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { createRelease } from '../../src/train/index.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const release = createRelease(tf)

/** Finalizers run a turn after the collection, and a collection needs the turn to be over in which the objects were made. */
async function collected(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    gc()
  }
  await new Promise((resolve) => setImmediate(resolve))
}

describe('what a trial leaves in tfjs', () => {
  test('is freed once nothing reaches it: tensors, variables and models, and no more than that', async () => {
    const own = tf.tensor([1, 2])
    const before = tf.memory().numTensors
    const end = release.begin()
    const trial = () => {
      tf.ones([10, 10])
      tf.variable(tf.zeros([3]), true, 'mine')
      tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [2], name: 'same' })] })
      tf.tensor([1]).dispose()
    }
    trial()
    end()
    await collected()
    expect(tf.memory().numTensors).toBe(before)
    expect(Array.from(own.dataSync())).toEqual([1, 2])
    // Names are free again.
    const again = release.begin()
    trial()
    again()
    await collected()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('is freed also if it is a model that was run: tfjs remembers the last hundred', async () => {
    const trial = async () => {
      const end = release.begin()
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [2] })] })
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
      await model.fit(tf.zeros([2, 2]), tf.zeros([2, 3]), { epochs: 1, verbose: 0 })
      end()
    }
    const before = tf.memory().numTensors
    for (let run = 0; run < 3; run += 1) await trial()
    await collected()
    expect(tf.memory().numTensors).toBe(before)
    expect(tf.env().getNumber('TOPOLOGICAL_SORT_CACHE_MAX_ENTRIES')).toBe(100)
  })

  test('stays usable while something holds it, and is freed once only', async () => {
    const before = tf.memory().numTensors
    const end = release.begin()
    const held = tf.tensor([5, 6])
    const view = held.reshape([2, 1])
    end()
    await collected()
    expect(Array.from(held.dataSync())).toEqual([5, 6])
    held.dispose()
    await collected()
    // The view shares its memory.
    expect(Array.from(view.dataSync())).toEqual([5, 6])
    view.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('is collected at once when it is large: JavaScript would not know how large', async () => {
    const before = tf.memory().numTensors
    for (let trial = 0; trial < 5; trial += 1) {
      const end = release.begin()
      const make = () => void tf.zeros([5_000_000])
      make()
      await new Promise((resolve) => setImmediate(resolve))
      end()
      await new Promise((resolve) => setImmediate(resolve))
    }
    // Each is 20 MB; 64 MB may wait.
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(4)
  })

  test('does not keep scopes open, or flags and backend changed', () => {
    const { backendName, state } = tf.engine() as unknown as { backendName: string; state: { scopeStack: unknown[] } }
    const end = release.begin()
    tf.engine().startScope('left open')
    tf.env().set('DEBUG', true)
    end()
    expect(state.scopeStack).toEqual([])
    expect(tf.env().getBool('DEBUG')).toBe(false)
    expect(tf.getBackend()).toBe(backendName)
  })
})
