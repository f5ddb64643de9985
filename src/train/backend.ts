/** Loads tfjs with the best backend that is there. The only place that names tfjs-node. */
import { createRequire } from 'node:module'
import type * as Tfjs from '@tensorflow/tfjs'
import { describe, isProblem, problem } from '../../protocol/index.ts'
import { restoreLegacyUtil } from '../setup/index.ts'
import { watchWeights } from './surgery/index.ts'

export type Tf = typeof Tfjs

export interface Backend {
  readonly tf: Tf
  /** tfjs's name of the backend: `tensorflow` is the native one, `cpu` plain JavaScript. */
  readonly name: string
  /** tfjs, and for the native backend tfjs-node and libtensorflow. */
  readonly versions: Readonly<Record<string, string>>
}

const require = createRequire(import.meta.url)
let native: Backend | undefined

/** Loads the native backend, once in a process and in one thread only. Throws TFJS_MISSING. */
export function loadBackend(): Backend {
  native ??= loadNative()
  return native
}

function loadNative(): Backend {
  quietLibrary()
  restoreLegacyUtil()
  try {
    const tf = require('@tensorflow/tfjs-node') as Tf & { version: Record<string, string> }
    watchWeights(tf)
    return {
      tf,
      name: tf.getBackend(),
      versions: { ...versionsOf(tf), 'tfjs-node': tf.version['tfjs-node'] ?? '' },
    }
  } catch (error) {
    throw problem('TFJS_MISSING', { reason: firstLine(describe(error)) }, { cause: error })
  }
}

/** tfjs itself, for surgery on models: the native one where it is, for a process has one engine. */
export function tfjsHere(): Tf {
  try {
    return loadBackend().tf
  } catch (error) {
    if (!isProblem(error, 'TFJS_MISSING')) throw error
    const tf = require('@tensorflow/tfjs') as Tf
    watchWeights(tf)
    return tf
  }
}

/** The tfjs that user code has loaded so far, if any: nothing is loaded for this. */
export function tfjsIfLoaded(): Tf | undefined {
  if (native !== undefined) return native.tf
  try {
    return require.cache[require.resolve('@tensorflow/tfjs')]?.exports as Tf | undefined
  } catch {
    // It is not installed here.
    return undefined
  }
}

/** libtensorflow's own chatter on stderr; who wants it sets the level. */
function quietLibrary(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
}

function versionsOf(tf: Tf): Record<string, string> {
  const { tfjs } = tf.version as unknown as Record<string, string>
  return { tfjs: tfjs ?? '' }
}

const firstLine = (text: string) => text.trim().split('\n')[0] ?? ''
