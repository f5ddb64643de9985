/** Run as a process of its own: loads the tfjs-node in the folder given, computes with it, and prints what it is, as JSON. */
import { createRequire } from 'node:module'
import { restoreLegacyUtil } from './legacy-util.ts'

interface Tfjs {
  add(a: number, b: number): { dataSync(): ArrayLike<number> }
  getBackend(): string
  readonly version: Record<string, string>
  node?: { getTFVersion?: () => string }
}

restoreLegacyUtil()
const tf = createRequire(import.meta.url)(process.argv[2] ?? '') as Tfjs
if (tf.add(1, 2).dataSync()[0] !== 3) throw new Error('1 + 2 is not 3')
process.stdout.write(`${JSON.stringify({ backend: tf.getBackend(), version: tf.version['tfjs-node'] })}\n`)
