/**
 * From a bundle's file to the experiment in it.
 * I1 Each import makes a fresh instance of the user's modules: what one trial left in them is not there for the next.
 * I2 The file is read and compiled once. An instance that nothing refers to any more is garbage, so memory does not grow with imports.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, isProblem, problem } from '../../protocol/index.ts'
import { atPlace, isExperiment, keepingFaults, type Experiment } from '../experiment/index.ts'
import { isHost, settled } from '../train/index.ts'
import { bundleMark, bundleModule, type BundledModule } from './bundle.ts'
import { createBundleCache } from './cache.ts'
import { bundlePlain } from './plain.ts'

/** Makes an instance of the user's modules and tells what the entry exports. */
type Bundle = (exported: (exports: object) => void) => Promise<void>

/** Bundles that stay compiled; the one used longest ago goes first. */
const maximumCompiled = 16
const compiled = new Map<string, Bundle>()

/**
 * Imports a bundle, or a plain module in its place, anew. `module` names it in messages. Throws MODULE_NOT_LOADED,
 * EXPERIMENT_NOT_EXPORTED, NEVER_SETTLED, MODULE_NOT_COMPILED, BUNDLE_OUTDATED, or what maggy threw in it.
 */
export async function importBundle(file: string, module: string): Promise<Experiment> {
  if (!isHost())
    throw problem('INTERNAL', { reason: 'a bundle is imported where none can run: provideHost comes first' })
  let exports: object = {}
  const bundle = bundleIn(isBundle(file) ? file : await bundlePlain(file, module))
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
function bundleIn(file: string): Bundle {
  let bundle = compiled.get(file)
  if (bundle === undefined) {
    process.setSourceMapsEnabled(true)
    // Node's own loader for CommonJS compiles it, for that one registers its source map.
    bundle = createRequire(file)(file) as Bundle
  }
  compiled.delete(file)
  compiled.set(file, bundle)
  for (const oldest of compiled.keys()) {
    if (compiled.size <= maximumCompiled) break
    compiled.delete(oldest)
    Reflect.deleteProperty(createRequire(oldest).cache, oldest)
  }
  return bundle
}

function isBundle(file: string): boolean {
  const begin = Buffer.alloc(bundleMark.length)
  const descriptor = openSync(file, 'r')
  readSync(descriptor, begin)
  closeSync(descriptor)
  return begin.toString() === bundleMark
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
  const file = await createBundleCache().keep(bundle.code, bundle.sha256)
  return { experiment: await importBundle(file, path), bundle }
}

/** The message, and the first place in the stack. */
function whereOf(error: unknown): string {
  const frame = error instanceof Error ? error.stack?.split('\n').find((text) => /^\s+at /.test(text)) : undefined
  return frame === undefined ? describe(error) : `${describe(error)}\n${frame}`
}
