/** A dataset generator's data are cut into shards that are disjoint, of one size, and together nearly all of it. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compileFunction } from 'node:vm'
import * as tf from '@tensorflow/tfjs'
import { afterEach, describe, expect, it } from 'vitest'
import { holdRandomness } from '../../src/train/dataset/index.ts'
import { createShards, type Copies, type Shards } from '../../src/train/shards.ts'

const opened: Shards[] = []
afterEach(() => {
  for (const shards of opened.splice(0)) shards.end()
})

/** The program in the section of this name in deploy/TRAINING.md, as it stands there. */
function exampleIn(
  section: string,
  given: Readonly<Record<string, unknown>>,
): Record<string, (...args: never[]) => unknown> {
  const page = readFileSync(new URL('../../deploy/TRAINING.md', import.meta.url), 'utf8')
  const [, code = ''] = /```ts\n(.*?)```/s.exec(page.slice(page.indexOf(`## ${section}`))) ?? []
  return Reflect.apply(
    compileFunction(`return { ${code} }`, Object.keys(given)),
    undefined,
    Object.values(given),
  ) as never
}

function shardsOf(count: number, index: number, notes: string[] = []): Shards {
  const note = (text: string): void => void notes.push(text)
  const shards = createShards({ tf, count, index, seed: 3, onVariable: () => undefined, note })
  opened.push(shards)
  return shards
}

/** What this member gets of `value`. */
const cut = (shards: Shards, value: unknown): unknown => shards.generator(() => value)()

/** What each of three members gets of `value`. */
const cutInThree = (value: () => unknown): unknown[] => [0, 1, 2].map((index) => cut(shardsOf(3, index), value()))
/** What the second of three gets, and what the user is told. */
function cutAndTell(value: unknown): { got: unknown; notes: string[] } {
  const notes: string[] = []
  return { got: cut(shardsOf(3, 1, notes), value), notes }
}

interface Pair {
  readonly xs: tf.Tensor1D
  readonly ys: tf.Tensor1D
}

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at)
const lengths = (value: unknown): unknown => {
  if (value instanceof tf.Tensor) return value.shape[0]
  if (Array.isArray(value) && value.length < 6 && typeof value[0] === 'object') return value.map(lengths)
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return (value as unknown[]).length
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, lengths(part)]))
}
/** How many rows or entries everything has that the second of three gets. */
const lengthsOf = (value: unknown): unknown => lengths(cutAndTell(value).got)

describe('A shard', () => {
  it('of arrays and typed arrays is every third row', () => {
    const parts = cutInThree(() => ({ xs: Float32Array.from(numbers(14)), ys: numbers(7) }))
    expect(parts).toEqual([
      { xs: Float32Array.of(0, 1, 6, 7), ys: [0, 3] },
      { xs: Float32Array.of(2, 3, 8, 9), ys: [1, 4] },
      { xs: Float32Array.of(4, 5, 10, 11), ys: [2, 5] },
    ])
  })

  it('leaves data for tests whole, and arrays of another length', () => {
    const [first] = cutInThree(() => ({ train: { xs: [1, 2, 3], names: ['a', 'b'] }, test: { xs: [4, 5, 6] } }))
    expect(first).toEqual({ train: { xs: [1], names: ['a', 'b'] }, test: { xs: [4, 5, 6] } })
    expect(cutInThree(() => ({ xs: [1, 2, 3], testXs: [4, 5, 6] }))[1]).toEqual({ xs: [2], testXs: [4, 5, 6] })
  })

  it('comes to fit as a copy that has other rows in each epoch, disjoint from the others, and never changes itself', () => {
    const members = [0, 1, 2].map((index) => shardsOf(3, index))
    const given = members.map((shards) => cut(shards, { xs: tf.range(0, 30), ys: tf.range(0, 30) }) as Pair)
    const before = given.map(({ xs }) => [...xs.dataSync()])
    const copies = members.map((shards, at) => shards.copies([given[at]?.xs, [given[at]?.ys]]) as Copies)
    const rows = () =>
      copies.map((each) => {
        const [xs, [ys]] = each.data as [tf.Tensor, [tf.Tensor]]
        expect([xs.shape, [...ys.dataSync()]]).toEqual([[10, 1], [...xs.dataSync()]])
        return [...xs.dataSync()]
      })
    const first = rows()
    expect(first).toEqual(before)
    for (const each of copies) each.shuffle()
    const second = rows()
    expect(second).not.toEqual(first)
    expect(new Set(second.flat()).size).toBe(30)
    expect(given.map(({ xs }) => [...xs.dataSync()])).toEqual(before)
    const count = tf.memory().numTensors
    for (const each of copies) each.dispose()
    expect(tf.memory().numTensors).toBe(count - 6)
  })

  it('comes to fit as it is, and the user is told, where train has made a part of the data of it', () => {
    const notes: string[] = []
    const shards = shardsOf(3, 0, notes)
    const { xs, ys } = cut(shards, { xs: tf.range(0, 30), ys: tf.range(0, 30) }) as Pair
    expect(shards.copies([xs, ys.expandDims(1)])).toBeUndefined()
    expect(notes).toEqual([expect.stringContaining('every worker keeps its own samples in all epochs')])
    expect(shards.copies([tf.zeros([10, 1]), tf.zeros([10, 1])])).toBeUndefined()
    expect(notes).toHaveLength(1)
  })

  it('outlives what train does to all variables', () => {
    const part = cut(shardsOf(3, 0), tf.range(0, 30)) as tf.Tensor1D
    tf.disposeVariables()
    expect([...part.dataSync()].slice(0, 3)).toEqual([0, 3, 6])
  })

  it('of a tf.data.Dataset is every third element, and an incomplete last group sits out', async () => {
    const parts = cutInThree(() => tf.data.array(numbers(8))) as tf.data.Dataset<number>[]
    expect(parts.map(({ size }) => size)).toEqual([2, 2, 2])
    expect(await Promise.all(parts.map((part) => part.toArray()))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ])
  })

  it('of a tf.data.Dataset can do what the dataset could', async () => {
    class Named extends (tf.data.Dataset as unknown as new () => tf.data.Dataset<number>) {
      override readonly size = 6
      columnNames = () => ['a', 'b']
      override iterator = async () => await tf.data.array(numbers(6)).iterator()
    }
    const { got } = cutAndTell({ train: new Named(), test: new Named() })
    const { train, test } = got as { train: Named; test: Named }
    expect([train.columnNames(), test.columnNames()]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    expect(await train.map((value) => value * 2).toArray()).toEqual([2, 8])
    expect(await test.toArray()).toHaveLength(6)
  })

  it('of strings is a tensor of strings, and of a Buffer bytes', () => {
    const { got } = cutAndTell({ xs: tf.tensor1d(['a', 'b', 'c', 'd', 'e', 'f']), ys: Buffer.from([1, 2, 3, 4, 5, 6]) })
    const { xs, ys } = got as { xs: tf.Tensor1D; ys: Buffer }
    expect(xs.dataSync()).toEqual(['b', 'e'])
    expect([...ys]).toEqual([2, 5])
  })

  it('needs a sample at least', () => {
    expect(() => cut(shardsOf(3, 0), [1, 2])).toThrow('the dataset has 2 samples, and is to be cut in 3 shards')
  })

  it('is all of it where one worker trains alone', () => {
    const given = { xs: tf.range(0, 6), ys: numbers(6) }
    expect(cut(shardsOf(1, 0), given)).toBe(given)
  })

  it('is disposed of together with the data that it was cut from, also by tidy', () => {
    const before = tf.memory().numTensors
    const shards = shardsOf(3, 1)
    const made = shards.generator(() => ({ xs: tf.zeros([9, 2]), ys: tf.zeros([9, 1]) }))
    tf.dispose(made() as tf.TensorContainer)
    expect(tf.memory().numTensors).toBe(before)
    tf.tidy(() => {
      made()
    })
    expect(tf.memory().numTensors).toBe(before)
    const kept = tf.tidy(() => made() as { xs: tf.Tensor })
    expect(kept.xs.shape).toEqual([3, 2])
    tf.dispose(kept)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('The row count', () => {
  it('is the one that most arrays share', () => {
    const rows = { mean: tf.zeros([3]), xs: tf.zeros([60, 3]), ys: tf.zeros([60, 1]) }
    expect(lengthsOf(rows)).toEqual({ mean: 3, xs: 20, ys: 20 })
    expect(lengthsOf({ a: numbers(12), b: numbers(60), c: numbers(60) })).toEqual({ a: 12, b: 20, c: 20 })
  })

  it('is that of the samples where what describes them is as much', () => {
    const described = { mean: numbers(3), std: numbers(3), min: numbers(3), max: numbers(3) }
    expect(lengthsOf({ ...described, xs: tf.zeros([60, 3]), ys: tf.zeros([60]) })).toEqual({
      mean: 3,
      std: 3,
      min: 3,
      max: 3,
      xs: 20,
      ys: 20,
    })
    expect(lengthsOf({ classes: numbers(10).map(String), xs: new Float32Array(600), ys: new Uint8Array(60) })).toEqual({
      classes: 10,
      xs: 200,
      ys: 20,
    })
  })

  it('is not taken from a few names beside a tf.data.Dataset', () => {
    const { got } = cutAndTell({ ds: tf.data.array(numbers(30)), names: ['a', 'b', 'c'] })
    expect(got).toMatchObject({ names: ['a', 'b', 'c'] })
    expect((got as { ds: tf.data.Dataset<number> }).ds.size).toBe(10)
  })

  it('is that of a list of tensors, one a sample', () => {
    const images = numbers(6).map(() => tf.zeros([28, 28]))
    expect((cutAndTell({ images, labels: numbers(6) }).got as { images: unknown[] }).images).toHaveLength(2)
    expect(lengthsOf(numbers(60).map(() => [0, 1]))).toBe(20)
  })
})

describe('Test and validation parts', () => {
  const names = [
    'xTest',
    'x_test',
    'testXs',
    'xtest',
    'TEST_X',
    'valLabels',
    'x-val',
    'validation',
    'evalSet',
    'holdOut',
  ]
  it.each([...names, 'held_out', 'validXs', 'testImages2'])('are known by their name (%s)', (name) => {
    expect(lengthsOf({ xs: numbers(60), ys: numbers(60), [name]: numbers(60) })).toEqual({ xs: 20, ys: 20, [name]: 60 })
  })

  it.each(['values', 'valence', 'latest', 'contest', 'evaluator', 'testosterone', 'valid'])(
    'are not thought to be in what is called %s',
    (name) => {
      expect(lengthsOf({ xs: numbers(60), [name]: numbers(60) })).toEqual({ xs: 20, [name]: 20 })
    },
  )

  it('are known by what stands beside a train, wherever it stands', () => {
    const { got } = cutAndTell({ data: { train: { xs: numbers(60) }, other: { xs: numbers(60) } }, words: numbers(5) })
    expect(lengths(got)).toEqual({ data: { train: { xs: 20 }, other: { xs: 60 } }, words: 5 })
    expect(lengthsOf({ xTrain: numbers(60), yTrain: numbers(60), weights: numbers(60), xRest: numbers(30) })).toEqual({
      xTrain: 20,
      yTrain: 20,
      weights: 20,
      xRest: 30,
    })
  })

  it('are not all that stands beside a share or a switch that is called train', () => {
    expect(lengthsOf({ train: 0.8, xs: numbers(60), ys: numbers(60) })).toEqual({ train: 0.8, xs: 20, ys: 20 })
  })

  it('are all but the first of a list of parts', () => {
    const part = (count: number) => ({ xs: tf.zeros([count, 2]), ys: tf.zeros([count]) })
    expect(lengthsOf([part(60), part(60)])).toEqual([
      { xs: 20, ys: 20 },
      { xs: 60, ys: 60 },
    ])
    const pair = (count: number) => [tf.zeros([count, 2]), tf.zeros([count])]
    expect(lengthsOf([pair(60), pair(12)])).toEqual([
      [20, 20],
      [12, 12],
    ])
    expect(lengthsOf([...pair(60), ...pair(12)])).toEqual([20, 20, 12, 12])
  })

  it('are none in a list of inputs and outputs', () => {
    expect(lengthsOf([numbers(60).map(() => [0, 1]), numbers(60)])).toEqual([20, 20])
    const several = [[tf.zeros([60, 2]), tf.zeros([60, 3])], [tf.zeros([60])]]
    expect(lengthsOf(several)).toEqual([[20, 20], [20]])
  })
})

describe('The user is told', () => {
  class Rows {
    readonly xs = numbers(60)
  }
  const nothing = 'nothing of what the dataset generator gave could be cut: every worker trains on all of it'
  it.each([
    ['an instance of a class', new Rows(), 'an instance of Rows'],
    ['a Map', { data: new Map([['xs', numbers(60)]]) }, 'an instance of Map'],
    ['a generator function', { xs: () => numbers(60) }, 'a function'],
    ['nothing', undefined, 'nothing'],
  ])('that nothing could be cut (%s)', (_, value, gave) => {
    const { got, notes } = cutAndTell(value)
    expect(got).toEqual(value)
    expect(notes).toHaveLength(1)
    expect(notes[0]).toContain(nothing)
    expect(notes[0]).toContain(`It gave ${gave};`)
  })

  it('that nothing could be cut (what a generator function makes)', () => {
    const made = (function* () {
      yield 1
    })()
    const { got, notes } = cutAndTell(made)
    expect(got).toBe(made)
    expect(notes).toEqual([expect.stringContaining('It gave a generator;')])
  })

  it('once, however often train asks', () => {
    const notes: string[] = []
    const made = shardsOf(3, 0, notes).generator(() => new Rows())
    made()
    made()
    expect(notes).toHaveLength(1)
  })

  it('which large array is whole on every worker', () => {
    expect(
      cutAndTell({ a: { xs: tf.zeros([60, 2]), ys: tf.zeros([60]) }, b: { xs: tf.zeros([45, 2]) } }).notes,
    ).toEqual(['whole on every worker, for what is cut has 60 rows: b.xs (45 rows)'])
  })

  it('nothing where all is as expected', () => {
    expect(cutAndTell({ train: { xs: numbers(60), mean: numbers(3) }, test: { xs: numbers(60) } }).notes).toEqual([])
    expect(cutAndTell({ testXs: numbers(60) }).notes).toEqual([])
  })

  it('are to derive what is of all rows in the generator, where rows hold texts or records and nothing is beside them', () => {
    const rows = numbers(60).map((at) => ({ mass: at, species: 'abc'[at % 3] }))
    const texts = rows.map(({ mass, species }) => [mass, species])
    const masses = rows.map(({ mass }) => ({ mass }))
    const raw = [
      rows,
      { rows },
      { masses },
      { train: { rows }, test: { rows } },
      { texts },
      { ys: numbers(60), words: numbers(60).map(String) },
      { rows, columns: ['mass', 'species'] },
    ]
    for (const value of raw) {
      expect(cutAndTell(value).notes).toEqual([expect.stringContaining('holds texts or records')])
    }
    const explained = [
      { rows, classes: ['a', 'b', 'c'] },
      { rows, classes: new Map([['a', 0]]) },
      { texts: rows.map(() => 'A word'), vocabulary: new Set(['word']) },
      { rows, codeOf: () => 0 },
      { masses, most: 59 },
      { xs: numbers(60), ys: numbers(60).map((at) => [at]) },
    ]
    for (const value of explained) expect(cutAndTell(value).notes).toEqual([])
  })

  it('are told that a shard has another greatest value than all rows', () => {
    const notes: string[] = []
    const shards = shardsOf(3, 0, notes)
    const xs = cut(shards, tf.ones([30, 2])) as tf.Tensor
    shards.summarizes('Max', tf.ones([10, 2]))
    expect(notes).toEqual([])
    shards.summarizes('Max', xs)
    shards.summarizes('Max', xs)
    expect(notes).toEqual([expect.stringContaining('computes the greatest value of data that are cut')])
  })

  it('of the example for what is derived from the data share it, and have the rows of their own', () => {
    const readPenguins = () => numbers(60).map((at) => ({ mass: at, species: 'abc'[(at * at) % 3] }))
    const { dataset, encoded } = exampleIn('Derived from the data', { tf, readPenguins })
    const notes: string[] = []
    const given = [0, 1, 2].map((index) => shardsOf(3, index, notes).generator(dataset as never)())
    const all = encoded?.(dataset?.() as never) as Pair
    const parts = given.map((one) => encoded?.(one as never) as Pair)
    expect(notes).toEqual([])
    const rows = [...tf.concat(parts.map(({ xs }) => xs)).dataSync()]
    expect(new Set(rows)).toEqual(new Set(all.xs.dataSync()))
    for (const { xs, ys } of parts) expect([xs.shape, ys.shape]).toEqual([[20], [20, 2]])
    const classOf = ({ xs, ys }: Pair): unknown[][] => {
      const classes = [...ys.argMax(1).dataSync()]
      return [...xs.dataSync()].map((mass, at) => [mass, classes[at]])
    }
    const wanted = new Map(classOf(all) as [number, unknown][])
    for (const [mass, its] of parts.flatMap(classOf)) expect(its).toBe(wanted.get(mass as number))
  })

  it('that train called no dataset generator', () => {
    const notes: string[] = []
    const shards = shardsOf(3, 0, notes)
    shards.trains()
    shards.trains()
    expect(notes).toEqual([expect.stringContaining('nothing was cut, for train called no dataset generator')])
  })
})

describe('Randomness in a dataset generator', () => {
  /** What three members get of a generator that is random. */
  async function inThree<T>(make: () => T | Promise<T>): Promise<T[]> {
    return await Promise.all([0, 1, 2].map(async (index) => (await shardsOf(3, index).generator(make)()) as T))
  }
  const disjoint = (parts: readonly (readonly number[])[]): void => {
    expect(new Set(parts.flat()).size).toBe(parts.flat().length)
  }

  it('is the same on all ranks, whatever draws', async () => {
    const shuffled = await inThree(() => {
      const rows = numbers(60)
      tf.util.shuffle(rows)
      return { xs: rows.slice(10), testXs: rows.slice(0, 10) }
    })
    disjoint(shuffled.map(({ xs }) => xs))
    expect(shuffled.map(({ xs }) => xs).flat()).not.toEqual(numbers(60))
    for (const { testXs } of shuffled) expect(testXs).toEqual(shuffled[0]?.testXs)
    const drawn = await inThree(() => tf.tidy(() => [...tf.randomNormal([60]).dataSync()]))
    disjoint(drawn)
    expect((await inThree(() => [Math.random()].flatMap((one) => numbers(3).map(() => one)))).flat()).toHaveLength(3)
  })

  it('is the same where the generator takes its time, and other where train draws meanwhile', async () => {
    const outside: number[] = []
    const parts = await inThree(async () => {
      const rows: number[] = []
      for (let at = 0; at < 30; at += 1) {
        await Promise.resolve()
        if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 3))
        rows.push(Math.random())
      }
      outside.push(1)
      return rows
    })
    disjoint(parts)
    const shards = shardsOf(3, 0)
    const slow = shards.generator(async () => {
      await Promise.resolve()
      return numbers(3).map(() => Math.random())
    })() as Promise<number[]>
    const drawn = [Math.random()]
    await Promise.resolve()
    drawn.push(Math.random())
    const again = shardsOf(3, 0).generator(async () => numbers(3).map(() => Math.random()))() as Promise<number[]>
    expect(await slow).toEqual(await again)
    expect(drawn).not.toContain((await slow)[0])
    shards.end()
  })

  it('is the same in elements that are made later, in each epoch', async () => {
    const members = await inThree(() =>
      tf.data.generator(function* () {
        const rows = numbers(60)
        tf.util.shuffle(rows)
        yield* rows
      } as never),
    )
    const epochs: number[][][] = []
    for (let epoch = 0; epoch < 2; epoch += 1) {
      epochs.push(await Promise.all((members as unknown as tf.data.Dataset<number>[]).map((one) => one.toArray())))
    }
    for (const parts of epochs) {
      disjoint(parts)
      expect(parts.flat()).toHaveLength(60)
    }
    expect(epochs[0]).not.toEqual(epochs[1])
  })

  it('is the same for a library that kept Math.random for itself before', async () => {
    const release = holdRandomness()
    const kept = Math.random
    disjoint(await inThree(() => numbers(30).map(() => kept())))
    expect(kept()).not.toBe(kept())
    release()
  })

  it('is what it was once the training has ended', () => {
    const before = Math.random
    const [one, other] = [shardsOf(3, 0), shardsOf(3, 1)]
    expect(Math.random).not.toBe(before)
    one.end()
    one.end()
    other.end()
    expect(Math.random).toBe(before)
  })
})

describe('Two ranks that were given', () => {
  /** As a ring would: the mean of what both say. */
  function compare(make: (rank: number) => unknown): void {
    const members = [0, 1].map((rank) => {
      const shards = shardsOf(2, rank)
      shards.generator(() => make(rank))()
      return shards.agreement
    })
    const said = members.map((agreement) => {
      const vector = new Float32Array(agreement.length)
      agreement.write(vector)
      return vector
    })
    const [a, b] = said as [Float32Array, Float32Array]
    const mean = a.map((value, at) => Math.fround(Math.fround(value * 32 + (b[at] ?? 0) * 17) / 49))
    for (const agreement of members) agreement.check(mean)
  }
  const rows = (seed: number) => tf.randomNormal([200, 8], 0, 1, 'float32', seed)

  it.each([
    ['rows in another order', (rank: number) => ({ xs: tf.reverse(rows(1), rank === 0 ? [] : [0]) }), 'xs'],
    ['another number of rows', (rank: number) => ({ data: { xs: numbers(60 + rank) } }), 'data.xs'],
    ['strings in another order', (rank: number) => (rank === 0 ? ['a', 'b', 'c'] : ['b', 'a', 'c']), 'all of it'],
    ['another validation set', (rank: number) => ({ xs: rows(1), testXs: rows(2 + rank) }), 'testXs'],
    ['records that differ', (rank: number) => numbers(20).map((at) => ({ x: at, y: at * (1 + rank) })), 'all of it'],
    ['what crypto drew', () => numbers(100).map(() => randomInt(1000)), 'all of it'],
  ])('%s are told so', (_, make, part) => {
    expect(() => {
      compare(make)
    }).toThrow(`the dataset generator did not give the same on all workers: ${part} differs`)
  })

  it.each([
    ['the same', () => ({ xs: rows(1), names: ['a', 'b'], train: [new Float32Array(20)], at: numbers(30) })],
    ['numbers that differ in their last digits', (rank: number) => rows(1).mul(1 + rank * 1e-6)],
    ['nothing that can be compared', () => new Map()],
    ['files in other folders', (rank: number) => numbers(20).map((at) => `/host${rank}/data/${at}.png`)],
    ['only zeros', () => tf.zeros([100, 3])],
  ])('%s are not disturbed', (_, make) => {
    compare(make)
  })

  it('a dataset of which one has read more than the other are not disturbed, and compared once both know it', async () => {
    const members = [0, 1].map((rank) => {
      const shards = shardsOf(2, rank)
      const made = shards.generator(() => tf.data.array(rank === 0 ? numbers(40) : numbers(40).toReversed()))
      return { shards, data: made() as tf.data.Dataset<number> }
    })
    const mean = (): Float32Array => {
      const said = members.map(({ shards: { agreement } }) => {
        const vector = new Float32Array(agreement.length)
        agreement.write(vector)
        return vector
      })
      return (said[0] as Float32Array).map((value, at) => (value + (said[1]?.[at] ?? 0)) / 2)
    }
    const check = (): void => members[0]?.shards.agreement.check(mean())
    const [one, other] = await Promise.all(members.map(({ data }) => data.iterator()))
    await one?.next()
    check()
    await other?.next()
    expect(check).toThrow('all of it differs')
  })
})

describe('A part of a cut dataset that is empty because it was cut', () => {
  const message =
    /^skip\(80\) leaves nothing: the dataset was cut in 3 shards, so that this worker has 33 of 100 elements/
  const ds = (value: tf.data.Dataset<number>) => cutAndTell(value).got as tf.data.Dataset<number>

  it('is an error that says so, when it is asked for', () => {
    const cutOf = ds(tf.data.array(numbers(100)))
    expect(() => cutOf.skip(80)).toThrow(message)
    expect(() =>
      cutOf
        .shuffle(10)
        .map((value) => value)
        .skip(80),
    ).toThrow(message)
    expect(() => cutOf.batch(10).skip(8)).toThrow('skip(8) leaves nothing')
  })

  it('is an error that says so when it is read, where nobody knows how many there are', async () => {
    const cutOf = ds(tf.data.array(numbers(100)).filter(() => true))
    await expect(cutOf.skip(80).toArray()).rejects.toThrow('skip(80) leaves nothing')
    expect(await cutOf.skip(30).toArray()).toHaveLength(3)
  })

  it('is no error where it would have been empty anyway, or is not empty', async () => {
    const cutOf = ds(tf.data.array(numbers(100)))
    expect(cutOf.skip(100).size).toBe(0)
    expect(cutOf.take(0).size).toBe(0)
    expect(await cutOf.take(80).toArray()).toHaveLength(33)
    expect(await cutOf.skip(20).toArray()).toHaveLength(13)
  })

  it('is an error that says so when a slice of a tensor finds too little', () => {
    const { xs, ys } = cutAndTell({ xs: tf.zeros([100, 2]), ys: numbers(100) }).got as { xs: tf.Tensor; ys: number[] }
    const cause = 'the dataset was cut in 3 shards, so that this worker has'
    expect(() => xs.slice([80, 0], [20, 2])).toThrow(
      `slice([80,0], [20,2]) leaves nothing: ${cause} 33 of 100 elements`,
    )
    expect(() => xs.slice(20, 60)).toThrow(`slice(20, 60) reaches beyond the end: ${cause} 33 of 100`)
    expect(() => xs.slice(80)).toThrow('slice(80) leaves nothing')
    expect(() => xs.slice(20, 90)).toThrow('overflow')
    // Loops end like this.
    expect([xs.slice(30).shape[0], xs.slice(33).shape[0], ys.slice(30, 60).length, ys.slice(80)]).toEqual([3, 0, 3, []])
  })

  it('is said of a dataset that has too few elements, too', async () => {
    await expect(ds(tf.data.array([1, 2]).filter(() => true)).toArray()).rejects.toThrow('the dataset has 2 samples')
  })
})
