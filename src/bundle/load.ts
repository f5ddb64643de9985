/**
 * From a bundle's code to the experiment in it.
 * I1 Each import makes a fresh instance of the user's modules: what one trial left in them is not there for the next.
 * I2 The file is read and compiled once. An instance that nothing refers to any more is garbage, so memory does not grow with imports.
 * I3 What is compiled are the very bytes that were hashed: the file is read once, and whatever becomes of it afterwards does not matter.
 */
import { createHash } from 'node:crypto'
import Module from 'node:module'
import { resolve } from 'node:path'
import { describe, isProblem, problem } from '../../protocol/index.ts'
import { atPlace, isExperiment, keepingFaults, type Experiment } from '../experiment/index.ts'
import { isHost, settled } from '../train/index.ts'
import { bundleMark, bundleModule, type BundledModule } from './bundle.ts'
import { readOwn } from './own-file.ts'
import { bundlePlain } from './plain.ts'

/** Makes an instance of the user's modules and tells what the entry exports. */
type Bundle = (exported: (exports: object) => void) => Promise<void>

/** A module to import. */
interface Source {
  readonly sha256: string
  /** For messages; of a plain module also for its language. */
  readonly module: string
  /** Where it lies, for stacks. */
  readonly file: string
  read(): Promise<Uint8Array>
}

/** Bundles that stay compiled, by hash; the one used longest ago goes first. */
const maximumCompiled = 16
/** With the module of Node's that it was compiled as: its source map is there as long as that is. */
const compiled = new Map<string, { readonly bundle: Bundle; readonly module: Module }>()

/**
 * Imports the bundle of this hash, or the plain module in its place, out of a file, anew. `module` names it in messages. Throws
 * MODULE_NOT_LOADED, EXPERIMENT_NOT_EXPORTED, NEVER_SETTLED, MODULE_NOT_COMPILED, BUNDLE_OUTDATED, BUNDLE_CORRUPT when the file holds
 * anything else, FILE_REFUSED, or what maggy threw in it.
 */
export async function importBundle(file: string, sha256: string, module: string): Promise<Experiment> {
  return await imported({ sha256, module, file, read: () => readOwn(file) })
}

async function imported(source: Source): Promise<Experiment> {
  if (!isHost())
    throw problem('INTERNAL', { reason: 'a bundle is imported where none can run: provideHost comes first' })
  const { module } = source
  let exports: object = {}
  const bundle = await bundleIn(source)
  try {
    const instance = keepingFaults(() =>
      bundle((found) => {
        exports = found
      }),
    )
    await settled(instance, () => `the code outside of functions in ${module}`)
  } catch (error) {
    // A context or a space that is not valid says so itself.
    if (isProblem(error)) throw atPlace(error)
    throw problem('MODULE_NOT_LOADED', { module, reason: whereOf(error) }, { cause: error })
  }
  const experiment = defaultOf(exports)
  if (!isExperiment(experiment)) throw problem('EXPERIMENT_NOT_EXPORTED', { module })
  return experiment
}

/** The compiled bundle. */
async function bundleIn(source: Source): Promise<Bundle> {
  const { sha256, file, module } = source
  let known = compiled.get(sha256)
  if (known === undefined) {
    // I3
    const code = Buffer.from(await source.read())
    if (createHash('sha256').update(code).digest('hex') !== sha256) throw problem('BUNDLE_CORRUPT', { sha256 })
    const text = code.toString('utf8')
    known = compile(text.startsWith(bundleMark) ? text : await bundlePlain(text, file, module), file)
  }
  compiled.delete(sha256)
  compiled.set(sha256, known)
  for (const oldest of compiled.keys()) if (compiled.size > maximumCompiled) compiled.delete(oldest)
  return known.bundle
}

/** The method that Node's loaders call, and so do the hooks that others put before it. */
type Compile = (this: Module, text: string, file: string, format: 'commonjs') => void
const compileIn = Reflect.get(Module.prototype, '_compile') as Compile

/** Node's own loader for CommonJS compiles the text, for that one registers its source map. It reads no file. */
function compile(text: string, file: string): { bundle: Bundle; module: Module } {
  process.setSourceMapsEnabled(true)
  const module = new Module(file)
  module.filename = file
  compileIn.call(module, text, file, 'commonjs')
  return { bundle: module.exports as Bundle, module }
}

/** The default export; also of a CommonJS module that a compiler made out of an ESM one. */
function defaultOf(exports: { readonly default?: unknown }): unknown {
  const { default: found } = exports
  if (isExperiment(found) || typeof found !== 'object' || found === null || !('default' in found)) return found
  return found.default
}

/** Bundles a user's module and imports it here, just as a worker will. Throws the codes of bundleModule and importBundle. */
export async function loadExperiment(
  path: string,
  options: { external?: readonly string[] } = {},
): Promise<{ experiment: Experiment; bundle: BundledModule }> {
  const bundle = await bundleModule(path, options)
  const { code, sha256 } = bundle
  const file = resolve(`${sha256}.cjs`)
  const experiment = await imported({ sha256, module: path, file, read: () => Promise.resolve(code) })
  return { experiment, bundle }
}

/** The message, and the first place in the stack. */
function whereOf(error: unknown): string {
  const frame = error instanceof Error ? error.stack?.split('\n').find((text) => /^\s+at /.test(text)) : undefined
  return frame === undefined ? describe(error) : `${describe(error)}\n${frame}`
}
