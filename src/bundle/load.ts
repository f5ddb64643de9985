/** From a bundle's file to the experiment in it. */
import { pathToFileURL } from 'node:url'
import { describe, isProblem, problem } from '../../protocol/index.ts'
import { isExperiment, type Experiment } from '../experiment/index.ts'
import { provideHost } from '../train/index.ts'
import { bundleModule, type BundledModule } from './bundle.ts'
import { createBundleCache } from './cache.ts'

/** Node keeps what was imported for ever; a trial need not ask it again. */
const imported = new Map<string, Experiment>()

/** Imports a bundle. `module` names it in messages. Throws MODULE_NOT_LOADED, EXPERIMENT_NOT_EXPORTED, or what maggy threw in it. */
export async function importBundle(file: string, module: string): Promise<Experiment> {
  const known = imported.get(file)
  if (known !== undefined) return known
  await provideHost()
  process.setSourceMapsEnabled(true)
  let exports: { readonly default?: unknown }
  try {
    exports = (await import(pathToFileURL(file).href)) as { default?: unknown }
  } catch (error) {
    // A context or a space that is not valid says so itself.
    if (isProblem(error)) throw error
    throw problem('MODULE_NOT_LOADED', { module, reason: whereOf(error) }, { cause: error })
  }
  if (!isExperiment(exports.default)) throw problem('EXPERIMENT_NOT_EXPORTED', { module })
  imported.set(file, exports.default)
  return exports.default
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
